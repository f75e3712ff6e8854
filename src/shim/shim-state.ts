import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import type { RuntimeChoice } from "./operations/protocol";

/** Where the containers of one namespace of containerd have their state, below what the options say. */
export const stateRootOf = (root: string, namespace: string) =>
  `${root === "" ? "/run/containerd/tsoci" : root}/${namespace}`;

const fileOf = (bundle: string) => `${bundle}/options.json`;

/** Writes down in the bundle how its container is found, for who cleans up after this shim. */
export function saveShimState(bundle: string, runtime: RuntimeChoice): void {
  try {
    writeFileSync(fileOf(bundle), JSON.stringify(runtime), { mode: 0o600 });
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", "write what the shim knows", { cause });
  }
}

/** There is nothing left to clean up: the launcher sees it, and starts no engine to. */
export function removeShimState(bundle: string): void {
  rmSync(fileOf(bundle), { force: true });
}

/** Undefined when no container was ever made of this bundle. */
export function loadShimState(bundle: string): RuntimeChoice | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(bundle), "utf8")) as RuntimeChoice;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
