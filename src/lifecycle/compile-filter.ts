import type { Addon } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import type { Config } from "../generated/config";

/** The filter of `linux.seccomp`, compiled before anything is made; undefined when the config has none. */
export function compileFilter(
  addon: Addon,
  config: Config,
): { program: Uint8Array; flags: number } | undefined {
  const { seccomp } = config.linux ?? {};
  if (seccomp === undefined) return undefined;
  const { planSeccomp } = require("../plan/seccomp") as typeof import("../plan/seccomp");
  const { compile, flags, refusal } = planSeccomp(seccomp);
  if (refusal !== undefined)
    throw new RuntimeError("CONFIG_UNSUPPORTED", `/linux/seccomp: ${refusal}`);
  try {
    return { program: addon.compileSeccomp(compile).program, flags };
  } catch (cause) {
    throw new RuntimeError("CONFIG_INVALID", "compile /linux/seccomp", { cause });
  }
}
