import { isGone } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { readText } from "../host/files";
import { joinPath } from "../spec/paths";

/** Whether the kernel has killed a process of this cgroup for lack of memory. `paths`: by controller, "" is v2. */
export function hasOomKilled({ memory, "": unified }: Readonly<Record<string, string>>): boolean {
  const file =
    memory !== undefined
      ? joinPath(memory, "memory.oom_control")
      : unified !== undefined
        ? joinPath(unified, "memory.events")
        : undefined;
  if (file === undefined) return false;
  try {
    return /^oom_kill [1-9]/m.test(readText(file));
  } catch (error) {
    // Without the controller there is no limit to die of, and a cgroup that is gone tells nothing.
    if (isGone(error)) return false;
    throw error;
  }
}

/** Says of an init that died whether memory was why. */
export function explainDeath(error: unknown, paths: Readonly<Record<string, string>>): unknown {
  const isDeath = error instanceof RuntimeError && error.code === "INIT_DIED";
  if (!isDeath || !hasOomKilled(paths)) return error;
  return new RuntimeError("INIT_DIED", "container init was OOM-killed (memory limit too low?)", {
    cause: error,
  });
}
