import type { ErrorCode } from "../errors/codes";
import { RuntimeError } from "../errors/runtime-error";
import { tellAsRunc } from "./as-runc";

const told = (code: ErrorCode, message: string) =>
  tellAsRunc(new RuntimeError(code, message), message);

test.each<[ErrorCode, string, string]>([
  [
    "INIT_FAILED",
    'run "ct": error mounting "/a" to rootfs at "/b": mount_setattr: operation not permitted (EPERM)',
    'runc run failed: unable to start container process: error during container init: error mounting "/a" to rootfs at "/b": mount_setattr: operation not permitted (EPERM)',
  ],
  [
    "PROGRAM_FAILED",
    'create "ct": exec: "x": executable file not found in $PATH',
    'runc create failed: unable to start container process: error during container init: exec: "x": executable file not found in $PATH',
  ],
  ["ID_TAKEN", 'create "ct": in use', "runc create failed: in use"],
  ["CONTAINER_WRONG_STATUS", 'exec "ct": stopped', "exec failed: stopped"],
  [
    "CONTAINER_UNKNOWN",
    'kill "ct": container does not exist',
    'kill "ct": container does not exist',
  ],
  ["USAGE", "flag needs an argument: -b", "flag needs an argument: -b"],
])("%s of %j is %j", (code, message, expected) => {
  const { message: words, line } = told(code, message);

  expect(words).toBe(expected);
  expect(line).toMatch(/^time="[^"]+" level=error msg="/);
});

test("a failed execve stands alone", () => {
  expect(
    told("PROGRAM_FAILED", 'run "ct": exec /run.sh: no such file or directory (ENOENT)'),
  ).toEqual({
    message: "exec /run.sh: no such file or directory",
    line: "exec /run.sh: no such file or directory\n",
  });
});
