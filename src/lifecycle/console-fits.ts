import { RuntimeError } from "../errors/runtime-error";
import type { Process } from "../generated/config";

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
