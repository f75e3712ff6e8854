import type { Capabilities, Process, User } from "../generated/config";

/** What the flags of `exec` say, in place of a whole process. */
export interface ProcessChanges {
  readonly args: readonly string[];
  /** Added to the container's own. */
  readonly env: readonly string[];
  readonly cwd?: string;
  readonly terminal: boolean;
  readonly uid?: number;
  readonly gid?: number;
  /** Added to the container's own. */
  readonly additionalGids: readonly number[];
  /** Added to the container's own. */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
}

/** The container's own process with what the flags change. Without one, root without capabilities. */
export function changedProcess(own: Process | undefined, changes: ProcessChanges): Process {
  const base: Process = own ?? { args: [], cwd: "/", user: { uid: 0, gid: 0 } };
  const { args, env, terminal, apparmorProfile, selinuxLabel } = changes;
  // The size is that of the container's own terminal.
  const { consoleSize: _, ...rest } = base;
  return {
    ...rest,
    args,
    terminal,
    env: [...(base.env ?? []), ...env],
    cwd: changes.cwd ?? base.cwd,
    user: changedUser(base.user, changes),
    ...(changes.capabilities.length === 0
      ? {}
      : { capabilities: withCapabilities(base.capabilities, changes.capabilities) }),
    ...(changes.noNewPrivileges ? { noNewPrivileges: true } : {}),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
  };
}

function changedUser(user: User, { uid, gid, additionalGids }: ProcessChanges): User {
  return {
    ...user,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    additionalGids: [...(user.additionalGids ?? []), ...additionalGids],
  };
}

/** As runc has it: to the last two sets only where the container has inheritable ones. */
function withCapabilities(own: Capabilities = {}, added: readonly string[]): Capabilities {
  const and = (names: readonly string[] = []) => [...names, ...added];
  const sets = {
    ...own,
    bounding: and(own.bounding),
    effective: and(own.effective),
    permitted: and(own.permitted),
  };
  if ((own.inheritable ?? []).length === 0) return sets;
  return { ...sets, inheritable: and(own.inheritable), ambient: and(own.ambient) };
}

/** What a whole process leaves open is as with the container's own, as runc has it. */
export function completedProcess(given: Process, own: Process | undefined): Process {
  if (own === undefined) return given;
  const { capabilities, rlimits, scheduler, ioPriority, oomScoreAdj, execCPUAffinity } = own;
  const { apparmorProfile = "", selinuxLabel = "" } = given;
  const { umask } = { ...own.user, ...given.user };
  return {
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(scheduler === undefined ? {} : { scheduler }),
    ...(ioPriority === undefined ? {} : { ioPriority }),
    ...(oomScoreAdj === undefined ? {} : { oomScoreAdj }),
    ...(execCPUAffinity === undefined ? {} : { execCPUAffinity }),
    ...given,
    user: { ...given.user, ...(umask === undefined ? {} : { umask }) },
    ...(rlimits !== undefined && (given.rlimits ?? []).length === 0 ? { rlimits } : {}),
    apparmorProfile: apparmorProfile === "" ? (own.apparmorProfile ?? "") : apparmorProfile,
    selinuxLabel: selinuxLabel === "" ? (own.selinuxLabel ?? "") : selinuxLabel,
  };
}
