import { RuntimeError } from "../errors/runtime-error";

/** An option that cannot be taken: USAGE, which containerd is told as an argument that is not valid. */
export const optionRefused = (message: string, cause?: unknown): RuntimeError =>
  new RuntimeError("USAGE", message, cause === undefined ? undefined : { cause });
