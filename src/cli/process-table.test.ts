import { RuntimeError } from "../errors/runtime-error";
import { runPs, selectRows } from "./process-table";

const full = `UID          PID    PPID  C STIME TTY          TIME CMD
root           1       0  0 10:00 ?        00:00:01 /sbin/init 42
root          42       1  0 10:01 ?        00:00:00 sleep 9

root         142      42  0 10:01 ?        00:00:00 sleep 42
`;

describe("selectRows", () => {
  test("keeps the header and the rows whose pid is wanted, as they are", () => {
    expect(selectRows(full, new Set([42, 7]))).toBe(
      "UID          PID    PPID  C STIME TTY          TIME CMD\n" +
        "root          42       1  0 10:01 ?        00:00:00 sleep 9\n",
    );
  });

  test("finds the column where ps was asked to put it", () => {
    const table = "COMMAND             PID\nsleep                42\nsh                  421\n";
    expect(selectRows(table, new Set([421]))).toBe(
      "COMMAND             PID\nsh                  421\n",
    );
  });

  test("keeps the header alone when nobody is left", () => {
    expect(selectRows(full, new Set())).toBe(
      "UID          PID    PPID  C STIME TTY          TIME CMD\n",
    );
  });

  test("refuses a table without pids", () => {
    expect(() => selectRows("COMMAND\nsleep\n", new Set([1]))).toThrow(
      'couldn\'t find PID field in ps output: its first line is "COMMAND"',
    );
  });
});

describe("runPs", () => {
  const launch = (environment: Record<string, string>) => ({
    environment,
    variable: (name: string) => environment[name],
    invokedAs: "tsoci",
  });

  test("says that there is no ps in the PATH", () => {
    expect(() => runPs([], launch({ PATH: "/nonexistent" }))).toThrow(
      'exec: "ps": executable file not found in $PATH',
    );
  });

  test("says what ps has to say of options that it does not know", () => {
    const attempt = () => runPs(["--no-such-option"], launch({ PATH: "/usr/bin:/bin" }));
    expect(attempt).toThrow(RuntimeError);
    expect(attempt).toThrow(/^ps exited with 1: error: /);
  });
});
