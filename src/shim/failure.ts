import { describeError } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { CallError } from "./ttrpc/status";

/** Says what failed, in the words that containerd's users look for, and keeps what kind of failure it was. */
export async function withPrefix<Result>(
  prefix: string,
  doing: () => Promise<Result>,
): Promise<Result> {
  try {
    return await doing();
  } catch (error) {
    const message = `${prefix}: ${describeError(error)}`;
    if (error instanceof CallError) throw new CallError(error.status, message);
    if (error instanceof RuntimeError) throw new RuntimeError(error.code, message);
    throw new Error(message);
  }
}
