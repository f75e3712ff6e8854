import type { Message } from "../generated/messages";
import { decodeMessage, encodeMessage } from "./messages";

const messages: readonly Message[] = [
  { kind: "request", request: 3, step: 12 },
  { kind: "reply", request: 3 },
  { kind: "forked", pid: 4711 },
  { kind: "ready" },
  { kind: "released" },
  { kind: "warning", step: 1, errnoNumber: 1, call: "prctl", detail: "ambient" },
  { kind: "failure", step: 9, errnoNumber: 2, call: "openat2", detail: '"/proc", ü' },
];

test.each(messages)("%j comes back as it was", (message) => {
  expect(decodeMessage(encodeMessage(message))).toEqual(message);
});

test("a message of no known code is refused", () => {
  expect(() => decodeMessage(new Uint8Array([99, 0, 0, 0]))).toThrow(/unknown code 99/);
});

test.each([5, 9, 14])("a message that is cut after %i bytes is refused", (length) => {
  const bytes = encodeMessage({
    kind: "failure",
    step: 1,
    errnoNumber: 2,
    call: "mount",
    detail: "x",
  });

  expect(() => decodeMessage(bytes.slice(0, length))).toThrow(RangeError);
});
