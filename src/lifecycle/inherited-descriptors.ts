import { RuntimeError } from "../errors/runtime-error";
import type { LaunchFacts } from "../host/launch-facts";

const firstDescriptor = 3;

export interface InheritedDescriptors {
  readonly count: number;
  /** Variables that tell the program of them. */
  readonly environment: readonly string[];
}

/** How many descriptors a service manager passed to us, and not to a process that we were started by. */
function activatedCount({ variable }: LaunchFacts): number {
  const pid = variable("LISTEN_PID");
  if (pid !== undefined && pid !== String(process.pid)) return 0;
  const count = Number(variable("LISTEN_FDS") ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/**
 * Descriptors from 3 on that go to the program: those of `--preserve-fds`, or else those of socket
 * activation (sd_listen_fds(3)), with the variables that name them.
 *
 * Each has to be one that the caller opened: the engine has opened others meanwhile, and they would leak.
 */
export function inheritedDescriptors(
  launch: LaunchFacts,
  preserveFds: number,
  options: { readonly activated: boolean } = { activated: true },
): InheritedDescriptors {
  const activated = options.activated ? activatedCount(launch) : 0;
  const count = activated + preserveFds;
  for (let fd = firstDescriptor; fd < firstDescriptor + count; fd += 1) {
    if (launch.openFds?.includes(fd) === false) {
      throw new RuntimeError(
        "USAGE",
        `preserve ${count} descriptors: descriptor ${fd} is not open in the caller`,
      );
    }
  }
  if (activated === 0) return { count, environment: [] };
  const names = launch.variable("LISTEN_FDNAMES");
  return {
    count,
    // The program is process 1 of its pid namespace, which is whom sd_listen_fds(3) asks for.
    environment: [
      `LISTEN_FDS=${activated}`,
      "LISTEN_PID=1",
      ...(names === undefined ? [] : [`LISTEN_FDNAMES=${names}`]),
    ],
  };
}
