import type { SubCgroup } from "../cgroups/process-place";
import type { Process } from "../generated/config";
import type { ExecRequest } from "../lifecycle/requests";
import { checkedProcess } from "../lifecycle/whole-process";
import { changedProcess, type ProcessChanges } from "../plan/further-process";
import { absolutePaths, checkedCount } from "./options";

/** The container's own process with another command, and what else is to be different. */
export interface ProcessEdit {
  /** The program, looked up in the container's PATH, and its arguments. */
  readonly args: readonly string[];
  /** NAME=VALUE, added to the container's own; the last one of a name counts. */
  readonly env?: readonly string[];
  /** Working directory in the container. */
  readonly cwd?: string;
  /** Numbers of the user and its group; without `gid` the container's own. */
  readonly user?: { readonly uid: number; readonly gid?: number };
  /** Added to the container's own. */
  readonly additionalGids?: readonly number[];
  /** "CAP_CHOWN" and so on, added to the container's own. */
  readonly capabilities?: readonly string[];
  /** True: no execve adds privileges. */
  readonly noNewPrivileges?: boolean;
  /** True: it has a terminal, and `consoleSocket` gets the master. */
  readonly terminal?: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly process?: undefined;
}

/** A whole process: config.md#process. Limits, capabilities and the like that it leaves open are the container's own. */
export interface WholeProcess {
  readonly process: Process;
  readonly args?: undefined;
}

/** What `exec` takes. Relative paths count from the working directory of the process. */
export type ExecOptions = (ProcessEdit | WholeProcess) & {
  /** AF_UNIX socket that gets the terminal's master; required when the process has one. */
  readonly consoleSocket?: string;
  /** AF_UNIX socket that gets a pidfd of the process. */
  readonly pidfdSocket?: string;
  /** File for the pid, in decimal and without a newline. */
  readonly pidFile?: string;
  /** How many of the descriptors that this process was started with, from 3 on, it gets. 0 by default. */
  readonly preserveFds?: number;
  /** True: into a paused container, to run once that is resumed. `exec` blocks until then. */
  readonly ignorePaused?: boolean;
  /** Cgroups below the container's to be in; without `controllers` those of all of them. */
  readonly cgroups?: readonly {
    readonly controllers?: readonly string[];
    readonly path: string;
  }[];
};

const silent = () => undefined;

/** Throws CONFIG_INVALID when the process cannot be one, and USAGE. */
export function execRequestOf(id: string, options: ExecOptions): ExecRequest {
  return {
    id,
    ...(options.process === undefined ? {} : { process: options.process }),
    changes: options.process === undefined ? checkedChanges(options) : noChanges,
    detach: true,
    ...absolutePaths(options, ["consoleSocket", "pidfdSocket", "pidFile"]),
    preserveFds: checkedCount("preserveFds", options.preserveFds ?? 0),
    ignorePaused: options.ignorePaused === true,
    cgroups: (options.cgroups ?? []).map(
      ({ controllers = [], path }): SubCgroup => ({ controllers, path }),
    ),
  };
}

const noChanges: ProcessChanges = {
  args: [],
  env: [],
  terminal: false,
  additionalGids: [],
  capabilities: [],
  noNewPrivileges: false,
};

/** A program need not be typed: what it says is checked as part of a process. */
function checkedChanges({ user, ...edit }: ProcessEdit): ProcessChanges {
  const { args, env, cwd, additionalGids, capabilities, apparmorProfile, selinuxLabel } = edit;
  const changes = {
    ...noChanges,
    args,
    env: env ?? [],
    ...(cwd === undefined ? {} : { cwd }),
    terminal: edit.terminal === true,
    ...(user === undefined ? {} : { uid: user.uid }),
    ...(user?.gid === undefined ? {} : { gid: user.gid }),
    additionalGids: additionalGids ?? [],
    capabilities: capabilities ?? [],
    noNewPrivileges: edit.noNewPrivileges === true,
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
  };
  checkedProcess(changedProcess(undefined, changes), silent);
  return changes;
}
