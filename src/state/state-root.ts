import { cleanPath } from "../spec/paths";

/** What decides where state is when the caller names no place. */
export interface StateRootFacts {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly euid: number;
  /** Asked only where it matters. */
  readonly inUserNamespace: boolean;
}

/** Where containers' state is when the caller names no place: lost at a reboot, as the containers are. */
export function defaultStateRoot(facts: StateRootFacts): string {
  const runtimeDir = facts.environment.XDG_RUNTIME_DIR;
  return runtimeDir && isOrdinaryUsers(facts) ? cleanPath(`${runtimeDir}/tsoci`) : "/run/tsoci";
}

/**
 * An ordinary user's Podman calls as root of a user namespace, where /run may be another's. Whose USER
 * is root has become root in a container, as runc takes it.
 */
function isOrdinaryUsers(facts: StateRootFacts): boolean {
  return facts.euid !== 0 || (facts.environment.USER !== "root" && facts.inUserNamespace);
}
