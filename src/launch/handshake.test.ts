import type { Addon } from "../addon/bindings";
import type { Message } from "../generated/messages";
import { type RequestName, requests } from "../generated/plan";
import { Trace } from "../trace/trace";
import { type Answers, serveInit } from "./handshake";
import { decodeMessage, encodeMessage } from "./messages";

const asks = (name: RequestName): Message => ({
  kind: "request",
  request: requests[name],
  step: 0,
});

/** Serves an init that says this and then is gone; what it was answered, and what was done for it. */
function serve(...said: readonly Message[]) {
  const answered: Message[] = [];
  const done: string[] = [];
  const waiting = [...said];
  const addon = {
    receiveMessage: () => {
      const next = waiting.shift();
      return {
        bytes: next === undefined ? new Uint8Array() : encodeMessage(next),
        fds: [],
        isReset: false,
      };
    },
    sendMessage: ({ bytes }: { bytes: Uint8Array }) => answered.push(decodeMessage(bytes)),
  } as unknown as Addon;
  const answers = new Proxy({} as Answers, {
    get: (_, name) => () => {
      done.push(String(name));
      return undefined;
    },
  });
  const run = () =>
    serveInit({
      addon,
      linkFd: -1,
      steps: [],
      makeAnswers: () => answers,
      onForked: (pid) => done.push(`forked ${pid}`),
      onHeard: () => done.push("heard"),
      warn: () => {},
      trace: new Trace(addon, undefined),
    });
  return { run, answered, done };
}

test("what init asks for is done and answered, until it is ready", () => {
  const { run, answered, done } = serve(
    { kind: "forked", pid: 7 },
    asks("mapIds"),
    asks("runHostHooks"),
    { kind: "ready" },
    asks("takeConsole"),
  );

  run();

  expect(done).toEqual(["heard", "forked 7", "mapIds", "runHostHooks"]);
  expect(answered).toEqual([
    { kind: "reply", request: requests.mapIds },
    { kind: "reply", request: requests.runHostHooks },
  ]);
});

test("nothing but the source of a mount is asked for twice", () => {
  const sources = serve(asks("openMountSource"), asks("openMountSource"), { kind: "ready" });
  sources.run();
  expect(sources.done).toEqual(["heard", "openMountSource", "openMountSource"]);

  const hooks = serve(asks("runHostHooks"), asks("runHostHooks"), { kind: "ready" });
  expect(hooks.run).toThrow('init asked for "runHostHooks" twice');
  expect(hooks.done).toEqual(["heard", "runHostHooks"]);
});

test("an agent is a matter of start", () => {
  for (const name of ["connectListener", "sendListener"] as const) {
    const { run, answered } = serve(asks(name), { kind: "ready" });

    expect(run).toThrow(`init asked for "${name}" before it was ready`);
    expect(answered).toEqual([]);
  }
});

test("what only the driver says is not taken from init", () => {
  expect(serve({ kind: "released" }, { kind: "ready" }).run).toThrow(
    'init sent "released" before it was ready',
  );
});

test("an init that ends before it is ready has died", () => {
  expect(serve(asks("mapIds")).run).toThrow("init ended before the container was created");
});
