import { mkdirSync } from "node:fs";
import type { CreateTaskRequest } from "../generated/shim/task";
import type { CreateRequest, Streams } from "../lifecycle/requests";
import { assertContainerId } from "../state/container-id";
import type { ShimContext } from "./context";
import { restoreRequestOf } from "./criu-requests";
import { withPrefix } from "./failure";
import { readOptions, type ShimOptions } from "./runtime-options";
import { removeShimState, saveShimState, stateRootOf } from "./shim-state";
import { type Bring, Task } from "./task";
import { CallError, StatusCode } from "./ttrpc/status";

/** How long after `start` containerd may take to create the container. */
const expectedForMs = 60_000;

/** The containers of this shim, by id. */
export class Tasks {
  private readonly tasks = new Map<string, Task>();
  /** Ids whose containers are being made: no task is seen before it is one. */
  private readonly reserved = new Set<string>();
  /** Ids whose `start` has led here. */
  private readonly expected = new Map<string, NodeJS.Timeout>();
  private refusal: string | undefined;
  private whenUnexpected = () => {};

  constructor(private readonly context: ShimContext) {}

  /**
   * Calls back when there is no container and none to come, or when `now`: at once, or once one that was promised a
   * place has not come in time. With a container left nothing happens, as with containerd's own shim.
   */
  whenEmpty(now: boolean, callback: () => void): void {
    const isLeft = this.tasks.size > 0 || this.reserved.size > 0;
    if (isLeft && !now) return;
    if (this.expected.size === 0 || now) callback();
    else this.whenUnexpected = () => this.whenEmpty(false, callback);
  }

  /** From now on there are no new containers. */
  refuse(why: string): void {
    this.refusal = why;
  }

  /** `start` has promised to containerd that the container's shim is here: it may not end before that came. */
  expect(id: string): void {
    if (this.refusal !== undefined) throw new CallError(StatusCode.unavailable, this.refusal);
    if (this.tasks.has(id)) return;
    clearTimeout(this.expected.get(id));
    const giveUp = () => {
      this.expected.delete(id);
      this.whenUnexpected();
    };
    this.expected.set(id, setTimeout(giveUp, expectedForMs).unref());
  }

  find(id: string): Task | undefined {
    return this.tasks.get(id);
  }

  /** Throws NOT_FOUND. */
  get(id: string): Task {
    const task = this.tasks.get(id);
    if (task !== undefined) return task;
    throw new CallError(StatusCode.notFound, `container "${id}" does not exist: not found`);
  }

  /** Makes a container, and returns the pid of its first process. */
  async create(request: CreateTaskRequest): Promise<number> {
    const { id, bundle } = request;
    if (this.refusal !== undefined) throw new CallError(StatusCode.unavailable, this.refusal);
    assertContainerId(id);
    if (!bundle.startsWith("/")) {
      const message = `the bundle is ${JSON.stringify(bundle)}, expected an absolute path`;
      throw new CallError(StatusCode.invalidArgument, message);
    }
    if (this.tasks.has(id) || this.reserved.has(id)) {
      throw new CallError(StatusCode.alreadyExists, `container "${id}" already exists`);
    }
    this.reserved.add(id);
    clearTimeout(this.expected.get(id));
    this.expected.delete(id);
    // Whoever asked this shim to end did so before it was to have another container.
    this.whenUnexpected = () => {};
    try {
      return await this.createReserved(request);
    } finally {
      this.reserved.delete(id);
    }
  }

  private async createReserved(request: CreateTaskRequest): Promise<number> {
    const { operations, namespace, warn } = this.context;
    const { id, bundle, rootfs, checkpoint } = request;
    const options = readOptions(request.options === undefined ? [] : [request.options], warn);
    const runtime = {
      stateRoot: stateRootOf(options.root, namespace),
      systemdCgroup: options.systemdCgroup,
    };
    // Before anything is made: `delete` reads it when this shim is gone.
    saveShimState(bundle, runtime);
    mkdirSync(`${bundle}/rootfs`, { recursive: true, mode: 0o711 });
    const owner = { uid: options.ioUid, gid: options.ioGid };
    const task = new Task(this.context, { id, bundle, runtime, owner }, request);
    const mounted = { mounts: rootfs, rootfsDir: `${bundle}/rootfs` };
    const bring: Bring = ({ forProcess }) => {
      const created = createRequestOf(request, options, forProcess);
      if (checkpoint === "")
        return operations.run("create", runtime, { ...mounted, request: created });
      const restored = restoreRequestOf(created, options, checkpoint);
      return operations.run("restore", runtime, { ...mounted, request: restored });
    };
    try {
      const pid = await withPrefix("OCI runtime create failed", () =>
        task.create(bring, { rootfs, checkpoint }),
      );
      this.tasks.set(id, task);
      return pid;
    } catch (error) {
      removeShimState(bundle);
      throw error;
    }
  }

  /** Removes a container, and returns how its first process ended. */
  async delete(id: string) {
    const task = this.get(id);
    const end = await task.delete();
    removeShimState(task.identity.bundle);
    this.tasks.delete(id);
    return end;
  }
}

const createRequestOf = (
  { id, bundle }: CreateTaskRequest,
  { noPivotRoot, noNewKeyring }: ShimOptions,
  streams: Streams,
): CreateRequest => ({
  id,
  bundleDir: bundle,
  streams,
  pivot: !noPivotRoot,
  newKeyring: !noNewKeyring,
  preserveFds: 0,
});
