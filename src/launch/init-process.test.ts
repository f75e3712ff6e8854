import type { Addon } from "../addon/bindings";
import type { Message } from "../generated/messages";
import { InitProcess } from "./init-process";
import { encodeMessage } from "./messages";

jest.mock("../host/files", () => ({ closeFile: () => {} }));

const forked: Message = { kind: "forked", pid: 8 };
const warning: Message = { kind: "warning", step: 0, errnoNumber: 1, call: "c", detail: "" };

/** What is done when a process of pid 7 is ended whose link has these messages to read. */
function ending(
  forks: boolean,
  unread: readonly Message[],
  before: (process: InitProcess) => void = () => {},
): string[] {
  const done: string[] = [];
  const waiting = [...unread];
  const kill = jest.spyOn(process, "kill").mockImplementation((pid, signal) => {
    done.push(`kill ${pid} ${signal}`);
    return true;
  });
  const addon = {
    signalPidfd: ({ pidfd, signal }: { pidfd: number; signal: number }) =>
      done.push(`signal ${pidfd} ${signal}`),
    reapPidfd: ({ pidfd }: { pidfd: number }) => done.push(`reap ${pidfd}`),
    reapProcess: ({ pid }: { pid: number }) => done.push(`reap process ${pid}`),
    reapGroup: ({ pgid }: { pgid: number }) => done.push(`reap group ${pgid}`),
    openPidfd: () => {
      throw Object.assign(new Error("pidfd_open"), { code: "EMFILE" });
    },
    receiveMessage: () => {
      const next = waiting.shift();
      if (next === undefined) throw Object.assign(new Error("poll"), { code: "ETIMEDOUT" });
      return { bytes: encodeMessage(next), fds: [], isReset: false };
    },
  } as unknown as Addon;
  try {
    const init = new InitProcess(addon, { pid: 7, pidfd: 1007 }, { forks });
    before(init);
    init.end(3);
    return done;
  } finally {
    kill.mockRestore();
  }
}

test("a process that forks nobody is killed and reaped", () => {
  expect(ending(false, [forked])).toEqual(["signal 1007 9", "reap 1007"]);
});

test("a sibling that was announced and not yet heard of is ended too", () => {
  expect(ending(true, [warning, forked])).toEqual([
    "kill -7 9",
    "signal 1007 9",
    "reap 1007",
    "kill 8 9",
    "reap process 8",
  ]);
});

test("a sibling that could not be followed is ended without a descriptor", () => {
  const follow = (process: InitProcess) => expect(() => process.moveTo(8)).toThrow("pidfd_open");

  expect(ending(true, [], follow)).toEqual([
    "kill -7 9",
    "signal 1007 9",
    "reap 1007",
    "kill 8 9",
    "reap process 8",
  ]);
});

test("a sibling that nobody has announced is reaped by its group", () => {
  expect(ending(true, [warning])).toEqual([
    "kill -7 9",
    "signal 1007 9",
    "reap 1007",
    "reap group 7",
  ]);
});
