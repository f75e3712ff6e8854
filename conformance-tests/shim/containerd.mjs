// What a shim sees of containerd: the socket that it sends its events to.
import { createServer } from "node:net";
import * as events from "../../build/js/generated/shim/events.js";
import { EventsDefinition } from "../../build/js/generated/shim/publish.js";
import { unpack } from "../../build/js/shim/any.js";
import { serveTtrpc } from "../../build/js/shim/ttrpc/server.js";
import { serviceOf } from "../../build/js/shim/ttrpc/service.js";
import { withDeadline } from "./deadline.mjs";

const typeOfTopic = {
  "/tasks/create": events.TaskCreate,
  "/tasks/start": events.TaskStart,
  "/tasks/delete": events.TaskDelete,
  "/tasks/exit": events.TaskExit,
  "/tasks/oom": events.TaskOOM,
  "/tasks/exec-added": events.TaskExecAdded,
  "/tasks/exec-started": events.TaskExecStarted,
  "/tasks/paused": events.TaskPaused,
  "/tasks/resumed": events.TaskResumed,
  "/tasks/checkpointed": events.TaskCheckpointed,
};

/** Takes events, in the order in which they come, and keeps them by container. */
export class FakeContainerd {
  /** Nobody listens there: a shim only tells containerds apart by it. */
  grpcAddress;
  ttrpcAddress;
  #server;
  #byContainer = new Map();
  #waiting = new Set();

  constructor(dir) {
    this.grpcAddress = `${dir}/containerd.sock`;
    this.ttrpcAddress = `${this.grpcAddress}.ttrpc`;
  }

  /** Listens below a directory that is there. The caller closes it. */
  static async listen(dir) {
    const containerd = new FakeContainerd(dir);
    const listener = createServer();
    await new Promise((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(containerd.ttrpcAddress, resolve);
    });
    const service = serviceOf(EventsDefinition, {
      forward: ({ envelope }) => containerd.#take(envelope),
    });
    containerd.#server = serveTtrpc(listener, [service]);
    return containerd;
  }

  /** `{ topic, namespace, event }` of one container, the first that came first. */
  eventsOf(containerId) {
    return this.#byContainer.get(containerId) ?? [];
  }

  /**
   * Waits until an event of the container fits; fails when `timeoutMs` are over.
   *
   * @param {(event: Record<string, unknown>) => boolean} fits
   */
  waitFor(containerId, topic, timeoutMs, fits = (_) => true) {
    const isThere = () =>
      this.eventsOf(containerId).find((one) => one.topic === topic && fits(one.event));
    const found = new Promise((resolve) => {
      const look = () => {
        const event = isThere();
        if (event === undefined) return;
        this.#waiting.delete(look);
        resolve(event);
      };
      this.#waiting.add(look);
      look();
    });
    return withDeadline(found, timeoutMs, `the event "${topic}" of "${containerId}"`);
  }

  close() {
    return this.#server.close();
  }

  #take({ topic, namespace, event }) {
    const type = typeOfTopic[topic];
    if (type === undefined) throw new Error(`the topic "${topic}" is none of tasks`);
    const told = unpack(type, event);
    const known = this.#byContainer.get(told.containerId) ?? [];
    known.push({ topic, namespace, event: told });
    this.#byContainer.set(told.containerId, known);
    for (const look of this.#waiting) look();
    return {};
  }
}
