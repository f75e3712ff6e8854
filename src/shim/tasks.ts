import { mkdirSync } from "node:fs";
import type { CreateTaskRequest } from "../generated/shim/task";
import type { CreateRequest, Streams } from "../lifecycle/requests";
import { assertContainerId } from "../state/container-id";
import type { ShimContext } from "./context";
import { restoreRequestOf } from "./criu-requests";
import { withPrefix } from "./failure";
import { readOptions, type ShimOptions } from "./runtime-options";
import { saveShimState, stateRootOf } from "./shim-state";
import { type Bring, Task } from "./task";
import { CallError, StatusCode } from "./ttrpc/status";

/** The containers of this shim, by id. */
export class Tasks {
  private readonly tasks = new Map<string, Task>();
  /** Ids whose containers are being made: no task is seen before it is one. */
  private readonly reserved = new Set<string>();

  constructor(private readonly context: ShimContext) {}

  get isEmpty(): boolean {
    return this.tasks.size === 0 && this.reserved.size === 0;
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
    assertContainerId(id);
    if (!bundle.startsWith("/")) {
      const message = `the bundle is ${JSON.stringify(bundle)}, expected an absolute path`;
      throw new CallError(StatusCode.invalidArgument, message);
    }
    if (this.tasks.has(id) || this.reserved.has(id)) {
      throw new CallError(StatusCode.alreadyExists, `container "${id}" exists already`);
    }
    this.reserved.add(id);
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
    const pid = await withPrefix("OCI runtime create failed", () =>
      task.create(bring, { rootfs, checkpoint }),
    );
    this.tasks.set(id, task);
    return pid;
  }

  /** Removes a container, and returns how its first process ended. */
  async delete(id: string) {
    const end = await this.get(id).delete();
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
