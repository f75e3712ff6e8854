import { RuntimeError } from "../errors/runtime-error";
import type { Config } from "../generated/config";
import type { HostFacts } from "../plan/host-facts";
import { findIgnored, findUnavailable } from "../plan/unavailable";
import type { RuntimeOptions } from "./requests";

/** What the config asks for and this machine has not got; what the container can do without is warned about. */
export function assertAvailable(
  { warn }: Pick<RuntimeOptions, "warn">,
  config: Config,
  facts: HostFacts,
): void {
  const [missing] = findUnavailable(config, facts);
  if (missing !== undefined) {
    throw new RuntimeError("CONFIG_UNSUPPORTED", `${missing.pointer}: ${missing.problem}`);
  }
  for (const { pointer, problem } of findIgnored(config, facts)) warn(`${pointer}: ${problem}`);
}
