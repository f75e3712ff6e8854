import { RuntimeError } from "../errors/runtime-error";
import { isThere, readText, removeFile } from "../host/files";

/** How many of the last complaints are repeated: the last ones are often consequences of the first of them. */
const most = 4;

/** What CRIU complained of last, without the time and the place in its source; "" when it said nothing. */
export function lastErrors(text: string): string {
  const complaints = text.split("\n").flatMap((line) => {
    const complaint = /\bError \([^)]*\): (.*)/.exec(line)?.[1];
    return complaint === undefined ? [] : [complaint.trim()];
  });
  return complaints.slice(-most).join("; ");
}

/** Lets CRIU work, and adds to its failure what its log says, and where that is. */
export function withLog<Result>(path: string, work: () => Result): Result {
  // What an earlier one left would be taken for this one's.
  if (isThere(path)) removeFile(path);
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== "CRIU_FAILED" || !isThere(path))
      throw error;
    const complaints = lastErrors(readText(path));
    const told = complaints === "" ? error.message : `${error.message}: ${complaints}`;
    throw new RuntimeError("CRIU_FAILED", `${told} (its log is "${path}")`, {
      cause: complaints === "" ? error.cause : undefined,
    });
  }
}
