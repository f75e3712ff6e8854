import type { Bundle } from "../bundle/bundle";
import { RuntimeError } from "../errors/runtime-error";
import type { Config } from "../generated/config";
import type { HostFacts } from "../plan/host-facts";
import { findIgnored, findUnavailable } from "../plan/unavailable";
import type { CreateRequest, RuntimeOptions } from "./requests";

/** What a caller asks for and cannot have so. */
export function assertApplicable(
  bundle: Bundle,
  request: CreateRequest,
  streams: { readonly attached: boolean },
): void {
  const terminal = bundle.config.process?.terminal === true;
  if (terminal && !streams.attached && request.consoleSocket === undefined) {
    throw new RuntimeError(
      "USAGE",
      "cannot allocate tty if tsoci will detach without setting console socket",
    );
  }
  if (request.consoleSocket !== undefined && (!terminal || streams.attached)) {
    throw new RuntimeError(
      "USAGE",
      "cannot use console socket if tsoci will not detach or allocate tty",
    );
  }
}

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
