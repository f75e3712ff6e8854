import type { Step } from "../generated/plan";
import { planLayoutHash, planMagic, stepLayouts } from "../generated/plan";
import { encodePlan } from "./encode";

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const encode = (steps: readonly Step[], fds: readonly number[] = []) =>
  encodePlan(steps, { linkFd: 7, fds, trace: false });
const headerBytes = 32;

test("a plan begins with the magic, the layout, its size, its steps and the link", () => {
  const bytes = encode([{ op: "newSession" }]);

  expect(new TextDecoder().decode(bytes.subarray(0, 8))).toBe(planMagic);
  expect(view(bytes).getUint32(8, true)).toBe(planLayoutHash);
  expect(view(bytes).getUint32(12, true)).toBe(bytes.length);
  expect(view(bytes).getUint32(16, true)).toBe(1);
  expect(view(bytes).getInt32(24, true)).toBe(7);
  expect(view(bytes).getUint32(headerBytes, true)).toBe(stepLayouts.newSession.code);
});

test("descriptors become the numbers that init has, and none stays none", () => {
  const gate = encode([{ op: "waitForStart", gateFd: 1 }], [40, 41]);
  const none = encode([{ op: "waitForStart", gateFd: -1 }], [40, 41]);
  const tasks = encode([{ op: "joinCgroup", tasksFds: [1, 0] }], [40, 41]);

  expect(view(gate).getInt32(headerBytes + 8, true)).toBe(41);
  expect(view(none).getInt32(headerBytes + 8, true)).toBe(-1);
  expect([12, 16].map((offset) => view(tasks).getUint32(headerBytes + offset, true))).toEqual([
    41, 40,
  ]);
});

test("numbers of 64 bits are exact", () => {
  const keep = 18446744073709551615n;
  const bytes = encode([{ op: "limitBoundingSet", keep }]);

  expect(view(bytes).getBigUint64(headerBytes + 8, true)).toBe(keep);
});

test("a string with a NUL is refused: init would read another one", () => {
  expect(() => encode([{ op: "setHostname", name: "web\0evil" }])).toThrow(/has a NUL/);
});

test("everything starts at a multiple of four, whatever the strings' lengths are", () => {
  for (const name of ["", "a", "ab", "abc", "abcd", "ü"]) {
    expect(encode([{ op: "setHostname", name }, { op: "newSession" }]).length % 4).toBe(0);
  }
});

test("a plan of more than the first buffer is whole", () => {
  const path = `/${"x".repeat(4000)}`;
  const bytes = encode(
    Array.from({ length: 50 }, () => ({ op: "maskPath", path, label: "" }) as const),
  );

  expect(view(bytes).getUint32(12, true)).toBe(bytes.length);
  expect(bytes.length).toBeGreaterThan(200_000);
});
