import { RuntimeError } from "../errors/runtime-error";
import type { Config } from "../generated/config";
import { realPath, statusOf } from "../host/files";
import { parseConfig } from "../spec/parse-config";
import { resolveFrom } from "../spec/paths";
import { readConfig } from "./read-config";

/** What `create` was pointed at, read once: later edits have no effect (runtime.md#lifecycle, step 2). */
export interface Bundle {
  readonly dir: string;
  readonly config: Config;
  /** Absolute, without symbolic links. */
  readonly rootfsPath: string;
  readonly warnings: readonly string[];
}

/** Loaded here: most configs have nothing that anybody is told of. */
const loadReport = () => require("../spec/report") as typeof import("../spec/report");

/** Reads and checks a bundle. Throws BUNDLE_UNREADABLE, or CONFIG_INVALID with all of the config's issues. */
export function openBundle(dir: string): Bundle {
  const parsed = parseConfig(readConfig(dir));
  if (!parsed.ok) {
    throw new RuntimeError("CONFIG_INVALID", loadReport().summarizeIssues(parsed.issues));
  }
  const { config, warnings } = parsed;
  return {
    dir,
    config,
    rootfsPath: findRootfs(dir, config),
    warnings: warnings.length === 0 ? [] : loadReport().warningsOf(warnings),
  };
}

function findRootfs(dir: string, config: Config): string {
  const named = resolveFrom(dir, config.root.path);
  let path: string;
  try {
    path = realPath(named);
  } catch (cause) {
    throw new RuntimeError("BUNDLE_UNREADABLE", `rootfs "${named}"`, { cause });
  }
  if (statusOf(path)?.kind !== "directory") {
    throw new RuntimeError("BUNDLE_UNREADABLE", `rootfs "${path}" is not a directory`);
  }
  if (path === "/") {
    throw new RuntimeError(
      "BUNDLE_UNREADABLE",
      'rootfs is "/", the host\'s own root, which no container may have',
    );
  }
  return path;
}
