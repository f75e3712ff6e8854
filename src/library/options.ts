import { RuntimeError } from "../errors/runtime-error";
import { parseSignal } from "../host/signals";
import { isInUserNamespace } from "../host/user-namespace";
import type { CreateRequest } from "../lifecycle/requests";
import { cleanPath, resolveFrom } from "../spec/paths";
import { defaultStateRoot } from "../state/state-root";

/** What a program may say, and what it means: paths become absolute, and what is no value is refused. */

export interface RuntimeSettings {
  /**
   * Directory that holds the state of containers, one directory for each. By default the command's:
   * `/run/tsoci`, or `$XDG_RUNTIME_DIR/tsoci` for who is not root. It is made when it is not there, and has
   * to belong to this user alone.
   */
  readonly root?: string;
  /**
   * Told what goes on without something, in one line: runtime.md#warnings. By default `process.emitWarning`,
   * with the type `TsociWarning`.
   */
  readonly warn?: (message: string) => void;
  /** Makes containers in units of systemd: the config's `cgroupsPath` is `slice:prefix:name` then. */
  readonly systemdCgroup?: boolean;
}

/** What `create` and `run` take. Relative paths count from the working directory of the process. */
export interface CreateOptions {
  /** Letters, digits, `_`, `+`, `-` and `.`; no other container of the same root may have it. */
  readonly id: string;
  /** Directory with the config.json, from which the paths in that file count. */
  readonly bundle: string;
  /** AF_UNIX socket that gets the terminal's master; required when the config has `process.terminal`. */
  readonly consoleSocket?: string;
  /** AF_UNIX socket that gets a pidfd of the container's process. */
  readonly pidfdSocket?: string;
  /** File for the container's pid, in decimal and without a newline. Must not be there yet. */
  readonly pidFile?: string;
  /** False: the root changes by MS_MOVE and chroot(2), for a host that runs from an initramfs. */
  readonly pivot?: boolean;
  /** False: the container keeps the session keyring of this process. */
  readonly newKeyring?: boolean;
  /** How many of the descriptors that this process was started with, from 3 on, the container gets. 0 by default. */
  readonly preserveFds?: number;
}

const lastSignal = 64;
/** poll(2) takes an int; -1 has no end. */
const longestTimeoutMs = 2 ** 31 - 1;
const forEver = -1;

export const quote = (text: string) => JSON.stringify(text);
export const absolute = (path: string) =>
  path.startsWith("/") ? cleanPath(path) : resolveFrom(process.cwd(), path);

/** Only the paths that are given. */
export function absolutePaths<Key extends "consoleSocket" | "pidfdSocket" | "pidFile">(
  options: { readonly [K in Key]?: string | undefined },
  keys: readonly Key[],
): { readonly [K in Key]?: string } {
  const given = keys.flatMap((key) => {
    const path = options[key];
    return path === undefined ? [] : [[key, absolute(path)]];
  });
  return Object.fromEntries(given) as { [K in Key]?: string };
}

export function checkedCount(name: string, count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new RuntimeError("USAGE", `${name} is ${count}, expected a whole number from 0 on`);
}

export function requestOf(options: CreateOptions): CreateRequest {
  return {
    id: options.id,
    bundleDir: absolute(options.bundle),
    ...absolutePaths(options, ["consoleSocket", "pidfdSocket", "pidFile"]),
    pivot: options.pivot ?? true,
    newKeyring: options.newKeyring ?? true,
    preserveFds: checkedCount("preserveFds", options.preserveFds ?? 0),
  };
}

export function stateRootOf(root: string | undefined): string {
  if (root === undefined) {
    return defaultStateRoot({
      environment: process.env,
      euid: process.geteuid?.() ?? 0,
      get inUserNamespace() {
        return isInUserNamespace();
      },
    });
  }
  const path = absolute(root);
  // Container directories are made and removed below it, and ids are names such as "etc".
  if (root === "" || path === "/") {
    throw new RuntimeError("USAGE", `root is ${quote(root)}, expected a directory other than "/"`);
  }
  return path;
}

export function signalOf(signal: string | number): number {
  const number = typeof signal === "number" ? signal : parseSignal(signal);
  if (number !== undefined && Number.isInteger(number) && number >= 0 && number <= lastSignal)
    return number;
  throw new RuntimeError(
    "USAGE",
    `unknown signal ${JSON.stringify(signal)}: expected a name such as "TERM", or a number from 0 to ${lastSignal}`,
  );
}

export function checkedTimeout(timeoutMs: number | undefined): number {
  if (timeoutMs === undefined) return forEver;
  if (Number.isInteger(timeoutMs) && timeoutMs >= 0 && timeoutMs <= longestTimeoutMs)
    return timeoutMs;
  throw new RuntimeError(
    "USAGE",
    `timeoutMs is ${timeoutMs}, expected whole milliseconds from 0 to ${longestTimeoutMs}`,
  );
}
