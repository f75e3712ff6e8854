import type { Mount } from "../generated/config";
import { cleanPath, isBelow } from "../spec/paths";
import type { PlanContext } from "./context";

/**
 * Where a mount goes, below the container's root. Some callers write the host's path of the rootfs in front,
 * and runc takes that for the place inside, too. Not so for /proc: what may be mounted there the rules have
 * decided by what the config says.
 */
export function targetOf(
  { options: { rootfsPath } }: Pick<PlanContext, "options">,
  { destination }: Mount,
): string {
  const target = cleanPath(destination);
  if (target !== rootfsPath && !isBelow(target, rootfsPath)) return target;
  const inside = cleanPath(`/${target.slice(rootfsPath.length)}`);
  return inside === "/proc" || isBelow(inside, "/proc") ? target : inside;
}
