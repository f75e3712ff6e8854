import { TaskExit, TaskStart } from "../generated/shim/events";
import { EventsDefinition } from "../generated/shim/publish";
import type { Envelope } from "../generated/shim/types";
import { unpack } from "./any";
import { EventPublisher } from "./event-publisher";
import { connectEvents } from "./publish";
import { listenForTest } from "./ttrpc/echo-fixture";
import { serveTtrpc } from "./ttrpc/server";
import { serviceOf } from "./ttrpc/service";
import { CallError, StatusCode } from "./ttrpc/status";

let place: Awaited<ReturnType<typeof listenForTest>>;
let publisher: EventPublisher;
/** What containerd has taken, and what it does before it takes something. */
let taken: Envelope[];
let beforeTaking: (envelope: Envelope) => void | Promise<void>;
let warnings: string[];
let pauses: number[];
let connections: number;

beforeEach(async () => {
  [taken, warnings, pauses, connections] = [[], [], [], 0];
  beforeTaking = () => {};
  place = await listenForTest();
  const forward = async ({ envelope }: { envelope: Envelope | undefined }) => {
    if (envelope === undefined) throw new Error("no envelope");
    await beforeTaking(envelope);
    taken.push(envelope);
    return {};
  };
  serveTtrpc(place.listener, [serviceOf(EventsDefinition, { forward })]);
  publisher = new EventPublisher({
    namespace: "k8s.io",
    connect: () => {
      connections += 1;
      return connectEvents(place.path);
    },
    warn: (message) => warnings.push(message),
    pause: async (ms) => {
      pauses.push(ms);
    },
  });
});

afterEach(() => {
  publisher.close();
  place.remove();
});

const start = (pid: number) =>
  publisher.publish("/tasks/start", TaskStart, { containerId: "web", pid });
const pidsTaken = () =>
  taken.map(({ event }) => (event === undefined ? -1 : unpack(TaskStart, event).pid));

test("an event arrives with its topic, namespace and kind", async () => {
  const exit = { containerId: "web", id: "e1", pid: 7, exitStatus: 137, exitedAt: undefined };

  publisher.publish("/tasks/exit", TaskExit, exit);
  await publisher.drained();

  const [envelope] = taken;
  expect(envelope).toMatchObject({ topic: "/tasks/exit", namespace: "k8s.io" });
  expect(envelope?.event).toMatchObject({ typeUrl: "containerd.events.TaskExit" });
  expect(envelope?.event && unpack(TaskExit, envelope.event)).toEqual(exit);
});

test("events arrive one after the other, in their order, on one connection", async () => {
  let open = 0;
  let mostOpen = 0;
  beforeTaking = async () => {
    open += 1;
    mostOpen = Math.max(mostOpen, open);
    await new Promise((resolve) => setImmediate(resolve));
    open -= 1;
  };

  for (let pid = 1; pid <= 50; pid++) start(pid);
  await publisher.drained();

  expect(pidsTaken()).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  expect(mostOpen).toBe(1);
  expect(connections).toBe(1);
});

test("what is published once all was sent is sent too", async () => {
  start(1);
  await publisher.drained();
  start(2);
  await publisher.drained();

  expect(pidsTaken()).toEqual([1, 2]);
});

test("an event that fails is sent again on a new connection, before the next", async () => {
  let failures = 2;
  beforeTaking = () => {
    if (failures-- > 0) throw new CallError(StatusCode.unavailable, "restarting");
  };

  start(1);
  start(2);
  await publisher.drained();

  expect(pidsTaken()).toEqual([1, 2]);
  expect(pauses).toEqual([1000, 2000]);
  expect(connections).toBe(3);
  expect(warnings).toEqual([]);
});

test("an event that fails five times is given up with a warning, and the next is sent", async () => {
  let failures = 5;
  beforeTaking = () => {
    if (failures-- > 0) throw new CallError(StatusCode.unavailable, "restarting");
  };

  start(1);
  start(2);
  await publisher.drained();

  expect(pidsTaken()).toEqual([2]);
  expect(pauses).toEqual([1000, 2000, 3000, 4000]);
  expect(warnings).toEqual(['event "/tasks/start" is given up: restarting']);
});

test("a containerd that is not there is an event given up, and no crash", async () => {
  place.listener.close();

  start(1);
  await publisher.drained();

  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("connect to");
});
