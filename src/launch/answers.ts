import type { Addon } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import type { HookRunner } from "../hooks/run-hooks";
import { closeFile } from "../host/files";
import type { LaunchFacts } from "../host/launch-facts";
import type { DriverWork } from "../plan/driver-work";
import { namespaceKinds } from "../spec/kernel-constants";
import { hookState } from "../state/oci-state";
import type { Answers } from "./handshake";
import { writeIdMaps } from "./id-maps";
import { openSource } from "./open-descriptors";
import { writeProcFile } from "./proc-files";

/** What the answers are made of. */
export interface AnswerContext {
  readonly addon: Addon;
  readonly launch: LaunchFacts;
  readonly work: DriverWork;
  readonly container: {
    readonly id: string;
    readonly bundle: string;
    readonly annotations?: Readonly<Record<string, string>> | undefined;
  };
  readonly ids: { readonly euid: number; readonly egid: number };
  /** Init's pid as it is at the moment: a first stage hands over to another process. */
  readonly pid: () => number;
  readonly takeConsole: (masterFd: number) => void;
}

/**
 * prestart belonged to `start` before runtime-spec 1.1, and its hooks still hear what they heard then. The
 * others hear what runc tells them.
 */
const hookStatus = { prestart: "created", createRuntime: "creating" } as const;

/** What the driver does for init, by the name of the request. */
export function makeAnswers(context: AnswerContext): Answers {
  const { addon, launch, work, container } = context;
  return {
    adjustOomScore: () => {
      if (work.oomScoreAdj !== undefined)
        writeProcFile(context.pid(), "oom_score_adj", String(work.oomScoreAdj));
      return undefined;
    },
    mapIds: () => {
      if (work.idMaps !== undefined)
        writeIdMaps({ addon, launch }, context.pid(), work.idMaps, context.ids);
      return undefined;
    },
    setTimeOffsets: () => {
      if (work.timeOffsets !== undefined)
        writeProcFile(context.pid(), "timens_offsets", work.timeOffsets);
      return undefined;
    },
    moveNetDevices: () => {
      const path = `/proc/${context.pid()}/ns/net`;
      const netnsFd = addon.openNamespace({ path, nsType: namespaceKinds.network.flag });
      try {
        for (const { name, newName } of work.netDevices)
          addon.moveNetDevice({ name, newName, netnsFd });
      } finally {
        closeFile(netnsFd);
      }
      return undefined;
    },
    runHostHooks: () => {
      runHostHooks({ addon, launch }, work.hostHooks, container, context.pid());
      return undefined;
    },
    openMountSource: ({ property }) => openMountSource(context, property),
    takeConsole: ({ fd }) => {
      if (fd === undefined) throw new RuntimeError("INIT_FAILED", "init handed over no terminal");
      context.takeConsole(fd);
      return undefined;
    },
  };
}

/** The hooks that run when the namespaces are there, in the runtime's own. */
export function runHostHooks(
  runner: HookRunner,
  hooks: DriverWork["hostHooks"],
  container: AnswerContext["container"],
  pid: number,
): void {
  if (hooks.length === 0) return;
  const { runHook } = require("../hooks/run-hooks") as typeof import("../hooks/run-hooks");
  for (const { kind, index, hook } of hooks) {
    const state = hookState(container, pid, hookStatus[kind]);
    runHook(runner, kind, index, hook, container.bundle, state);
  }
}

/** Opened in init's mount namespace, so that it sees the mounts made so far and keeps what is locked there. */
function openMountSource({ addon, work, pid }: AnswerContext, property: string): number {
  const source = work.mountSources[property];
  if (source === undefined)
    throw new RuntimeError("INIT_FAILED", `init asked for the source of "${property}"`);
  return openSource(addon, source, pid());
}
