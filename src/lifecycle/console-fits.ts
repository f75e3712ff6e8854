import { RuntimeError } from "../errors/runtime-error";
import type { Process } from "../generated/config";
import type { ConsoleChoice } from "./common-init";

/** A terminal has one at its other end: us, or whoever listens at the console socket. */
export function assertConsoleFits(
  process: Process | undefined,
  { consoleSocket, streams: given }: ConsoleChoice,
  streams: { readonly attached: boolean },
): void {
  const terminal = process?.terminal === true;
  if (given !== undefined) {
    if (terminal === (given === "kept terminal")) return;
    const expected = `expected ${!terminal}, as its creator asked for ${terminal ? "no" : "a"} terminal`;
    throw new RuntimeError("CONFIG_INVALID", `process.terminal is ${terminal}, ${expected}`);
  }
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
