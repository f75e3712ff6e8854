import type { Addon } from "../addon/bindings";
import type { Rootless } from "../cgroups/place";
import type { SubCgroup } from "../cgroups/process-place";
import type { CheckpointSettings, RestoreSettings } from "../checkpoint/criu-options";
import type { Process } from "../generated/config";
import type { LaunchFacts } from "../host/launch-facts";
import type { ProcessChanges } from "../plan/further-process";

/** What every operation needs to know of its caller. */
export interface RuntimeOptions {
  /** Directory that holds one directory for each container; absolute. */
  readonly stateRoot: string;
  /** Told about what goes on without something; a warning never changes the flow (runtime.md#warnings). */
  readonly warn: (message: string) => void;
  /** Told what only `--debug` shows; undefined when nobody listens. */
  readonly debug?: (message: string) => void;
  readonly addon: Addon;
  /** Whether a container may do without cgroups that may not be made. */
  readonly rootless: Rootless;
  /** Places containers in units of systemd: `--systemd-cgroup`. What exists is found by its record. */
  readonly systemdCgroup: boolean;
  /** Leaves containers in the cgroup of their caller: `--cgroup-manager disabled`. */
  readonly withoutCgroups?: boolean;
  /** What the launcher saw before the engine started: environment, limits, open descriptors. */
  readonly launch: LaunchFacts;
}

/**
 * Where a process has its standard streams that has not the caller's own: three descriptors above 2, or a
 * terminal whose master the caller keeps.
 */
export type Streams = readonly [number, number, number] | "kept terminal";

export interface CreateRequest {
  readonly id: string;
  /** Absolute. */
  readonly bundleDir: string;
  readonly streams?: Streams;
  /** AF_UNIX socket that receives the terminal's master; required when `process.terminal` and not foreground. */
  readonly consoleSocket?: string;
  /** AF_UNIX socket that receives init's pidfd. */
  readonly pidfdSocket?: string;
  /** File that receives init's pid in decimal, without a newline; absolute. */
  readonly pidFile?: string;
  /** False: `--no-pivot`. */
  readonly pivot: boolean;
  /** False: `--no-new-keyring`. */
  readonly newKeyring: boolean;
  /** How many descriptors from 3 on the container gets. */
  readonly preserveFds: number;
  /** File that receives a Chrome trace of the operation. */
  readonly traceFile?: string;
}

export interface RunRequest extends CreateRequest {
  readonly detach: boolean;
  /** Keep the stopped container instead of deleting it. */
  readonly keep: boolean;
  /** False: `--no-subreaper`. */
  readonly subreaper: boolean;
}

export interface CheckpointRequest extends CheckpointSettings {
  readonly id: string;
}

export interface RestoreRequest
  extends Omit<RunRequest, "keep" | "pidfdSocket" | "traceFile">,
    RestoreSettings {}

export interface ExecRequest {
  readonly id: string;
  /** `--process`: a file with the whole process, in place of `changes`; absolute. */
  readonly processFile?: string;
  /** The same of a program that has it; not checked yet. */
  readonly process?: Process;
  /** The same as text. */
  readonly processText?: string;
  readonly streams?: Streams;
  readonly changes: ProcessChanges;
  readonly detach: boolean;
  /** As with create; absolute. */
  readonly consoleSocket?: string;
  readonly pidfdSocket?: string;
  readonly pidFile?: string;
  readonly preserveFds: number;
  /** Go into a frozen cgroup, and wait there. */
  readonly ignorePaused: boolean;
  readonly cgroups: readonly SubCgroup[];
  readonly traceFile?: string;
}

export interface StartRequest {
  readonly id: string;
  readonly traceFile?: string;
}

export interface KillRequest {
  readonly id: string;
  readonly signal: number;
  /** Signal every process of the container, not only init. */
  readonly all: boolean;
}

export interface DeleteRequest {
  readonly id: string;
  readonly force: boolean;
}
