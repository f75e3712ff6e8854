import { ProcessDetails } from "../generated/shim/options";
import { Status } from "../generated/shim/process";
import { TaskDefinition } from "../generated/shim/task";
import { build } from "../version";
import { pack } from "./any";
import { checkpointRequestOf } from "./criu-requests";
import { withPrefix } from "./failure";
import type { Task } from "./task";
import { firstProcess, type ProcessEnd } from "./task-events";
import type { Tasks } from "./tasks";
import { type Handlers, type Service, serviceOf } from "./ttrpc/service";
import { CallError, StatusCode } from "./ttrpc/status";

/** containerd asks by the newer name first; the messages of both are the same. */
const names = ["containerd.task.v3.Task", "containerd.task.v2.Task"];

/** The launcher asks with it, before it answers `start` with the socket of this shim. */
const startKey = "tsoci-start";

const statusNumbers = {
  created: Status.CREATED,
  running: Status.RUNNING,
  stopped: Status.STOPPED,
  paused: Status.PAUSED,
} as const;

/** The task service, under both of its names. `shutdown` ends this shim, after the answer. */
export function taskServices(tasks: Tasks, shutdown: () => void): Service[] {
  const handlers = taskHandlers(tasks, shutdown);
  return names.map((name) => serviceOf(TaskDefinition, handlers, name));
}

function taskHandlers(tasks: Tasks, shutdown: () => void): Handlers<typeof TaskDefinition> {
  return {
    create: async (request) => ({ pid: await tasks.create(request) }),

    start: async ({ id, execId }) => {
      const what = execId === firstProcess ? "start" : "exec";
      const task = tasks.get(id);
      return { pid: await withPrefix(`OCI runtime ${what} failed`, () => task.start(execId)) };
    },

    state: ({ id, execId }) => {
      const task = tasks.get(id);
      const process = task.process(execId);
      const { stdin, stdout, stderr, terminal } = process.request;
      const status = execId === firstProcess ? task.status : process.status;
      return {
        ...{ id, bundle: task.identity.bundle, execId, pid: process.pid },
        ...{ stdin, stdout, stderr, terminal, status: statusNumbers[status] },
        ...endOf(process.end),
      };
    },

    delete: async ({ id, execId }) => {
      if (execId !== firstProcess) {
        const process = tasks.get(id).process(execId);
        const end = await tasks.get(id).deleteFurther(execId);
        return { pid: end?.pid ?? process.pid, ...endOf(end) };
      }
      const end = await withPrefix("OCI runtime delete failed", () => tasks.delete(id));
      return { pid: end.pid, ...endOf(end) };
    },

    wait: async ({ id, execId }) => endOf(await tasks.get(id).process(execId).ended),

    kill: async ({ id, execId, signal, all }) => {
      await tasks.get(id).kill(execId, signal, all);
      return {};
    },

    exec: ({ id, execId, stdin, stdout, stderr, terminal, spec }) => {
      const text = textOf(spec, "process");
      if (execId === "") throw new CallError(StatusCode.invalidArgument, "the exec id is empty");
      tasks.get(id).announce(execId, { stdin, stdout, stderr, terminal }, text);
      return {};
    },

    resizePty: ({ id, execId, width, height }) => {
      tasks.get(id).process(execId).resize(width, height);
      return {};
    },

    closeIO: ({ id, execId, stdin }) => {
      const process = tasks.get(id).process(execId);
      if (stdin) process.closeInput();
      return {};
    },

    pids: async ({ id }) => ({ processes: await processesOf(tasks.get(id)) }),

    pause: async ({ id }) => {
      await withPrefix("OCI runtime pause failed", () => tasks.get(id).pause());
      return {};
    },

    resume: async ({ id }) => {
      await withPrefix("OCI runtime resume failed", () => tasks.get(id).resume());
      return {};
    },

    checkpoint: async ({ id, path, options }) => {
      const request = checkpointRequestOf(id, path, options);
      await withPrefix("OCI runtime checkpoint failed", () => tasks.get(id).checkpoint(request));
      return {};
    },

    update: async ({ id, resources }) => {
      const text = textOf(resources, "resources");
      await withPrefix("OCI runtime update failed", () => tasks.get(id).update(text));
      return {};
    },

    stats: async ({ id }) => ({ stats: await tasks.get(id).stats() }),

    connect: ({ id }, { metadata }) => {
      if (metadata.some(({ key }) => key === startKey)) tasks.expect(id);
      const taskPid = tasks.find(id)?.process(firstProcess).pid ?? 0;
      return { shimPid: process.pid, taskPid, version: build.version };
    },

    shutdown: ({ now }) => {
      tasks.whenEmpty(now, () => {
        // In one go with the question whether it is empty: nobody may be promised a place in between.
        tasks.refuse("this shim is about to end");
        setImmediate(shutdown);
      });
      return {};
    },
  };
}

const endOf = (end: ProcessEnd | undefined) => ({
  exitStatus: end?.exitStatus ?? 0,
  exitedAt: end?.exitedAt,
});

/** JSON travels as the value of an Any, whose kind says which structure it is. */
function textOf(any: { readonly value: Uint8Array } | undefined, what: string): string {
  if (any !== undefined) return new TextDecoder().decode(any.value);
  throw new CallError(StatusCode.invalidArgument, `there is no ${what} in the request`);
}

async function processesOf(task: Task) {
  const execIds = task.execIdsByPid();
  const pids = await task.processesOf();
  return pids.map((pid) => {
    const execId = execIds.get(pid);
    const info = execId === undefined ? undefined : pack(ProcessDetails, { execId });
    return { pid, info };
  });
}
