import { RuntimeError } from "../errors/runtime-error";
import type { Config, Process } from "../generated/config";
import type { HostFacts } from "../plan/host-facts";
import { findIgnored, findUnavailable } from "../plan/unavailable";
import type { RuntimeOptions } from "./requests";

/** A terminal has one at its other end: us, or whoever listens at the console socket. */
export function assertConsoleFits(
  process: Process | undefined,
  { consoleSocket }: { readonly consoleSocket?: string },
  streams: { readonly attached: boolean },
): void {
  const terminal = process?.terminal === true;
  if (terminal && !streams.attached && consoleSocket === undefined) {
    throw new RuntimeError(
      "USAGE",
      "cannot allocate tty if tsoci will detach without setting console socket",
    );
  }
  if (consoleSocket !== undefined && (!terminal || streams.attached)) {
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
