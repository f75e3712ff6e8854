import { assembleDeviceProgram } from "./device-program";
import { type DeviceRule, listDeviceRules } from "./device-rules";

const accessBits = { m: 1, r: 2, w: 4 };
const types = { b: 1, c: 2 };

/** What the kernel would answer: the instructions, one after another, on 32-bit registers. */
function interpret(program: Uint8Array, context: readonly number[]): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const registers = new Uint32Array(11);
  for (let at = 0; at < program.length; at += 8) {
    const registerByte = view.getUint8(at + 1);
    const target = registerByte & 15;
    const source = registerByte >> 4;
    const offset = view.getInt16(at + 2, true);
    const constant = view.getInt32(at + 4, true);
    const value = registers[target] ?? 0;
    let jumps = false;
    switch (view.getUint8(at)) {
      case 0x61:
        if (source !== 1) throw new Error("reads from something that is not the context");
        registers[target] = context[offset / 4] ?? Number.NaN;
        break;
      case 0xbc:
        registers[target] = registers[source] ?? 0;
        break;
      case 0xb4:
        registers[target] = constant;
        break;
      case 0x54:
        registers[target] = value & constant;
        break;
      case 0x74:
        registers[target] = value >>> constant;
        break;
      case 0x56:
        jumps = value !== constant >>> 0;
        break;
      case 0x46:
        jumps = (value & constant) !== 0;
        break;
      case 0x05:
        jumps = true;
        break;
      case 0x95:
        return registers[0] ?? 0;
      default:
        throw new Error(`unknown instruction at ${at}`);
    }
    if (jumps) at += offset * 8;
  }
  throw new Error("runs off its end");
}

function isAllowed(rules: readonly DeviceRule[], request: string): boolean {
  const [type = "", numbers = "", access = ""] = request.split(" ");
  const [major = 0, minor = 0] = numbers.split(":").map(Number);
  const bits = [...access].reduce((sum, letter) => sum | accessBits[letter as "r"], 0);
  const context = [(bits << 16) | types[type as "b"], major, minor];
  return interpret(assembleDeviceProgram(rules), context) === 1;
}

function rule(
  allow: boolean,
  type: DeviceRule["type"],
  numbers: string,
  access: string,
): DeviceRule {
  const [major, minor] = numbers
    .split(":")
    .map((part) => (part === "*" ? undefined : Number(part)));
  return { allow, type, major, minor, access };
}

test("without a rule every device is denied", () => {
  expect(isAllowed([], "c 1:3 r")).toBe(false);
});

test.each([
  ["c 1:3 rwm", true],
  ["c 136:7 rw", true],
  ["c 10:200 rw", true],
  ["b 8:0 m", true],
  ["b 8:0 r", false],
  ["b 1:3 r", false],
  ["c 1:4 r", false],
  ["c 1:11 m", true],
  ["c 1:11 rm", false],
])("the rules of every container: %s is %p", (request, allowed) => {
  const rules = listDeviceRules([{ allow: false, access: "rwm" }]);

  expect(isAllowed(rules, request)).toBe(allowed);
});

test("the last rule that matches decides", () => {
  const denied = [rule(true, "b", "8:*", "rwm"), rule(false, "b", "8:1", "rwm")];
  const allowed = denied.toReversed();

  expect(isAllowed(denied, "b 8:0 r")).toBe(true);
  expect(isAllowed(denied, "b 8:1 r")).toBe(false);
  expect(isAllowed(allowed, "b 8:1 r")).toBe(true);
});

test("each access is decided by itself", () => {
  const rules = [rule(true, "c", "4:1", "rw"), rule(false, "c", "4:1", "w")];

  expect(isAllowed(rules, "c 4:1 r")).toBe(true);
  expect(isAllowed(rules, "c 4:1 w")).toBe(false);
  expect(isAllowed(rules, "c 4:1 rw")).toBe(false);
});

test("two rules may allow an access together", () => {
  const rules = [rule(true, "c", "4:*", "r"), rule(true, "a", "*:1", "w")];

  expect(isAllowed(rules, "c 4:1 rw")).toBe(true);
  expect(isAllowed(rules, "c 4:2 rw")).toBe(false);
  expect(isAllowed(rules, "b 4:1 w")).toBe(true);
});

test("rules before one about everything do not count", () => {
  const rules = [rule(false, "c", "1:3", "rwm"), rule(true, "a", "*:*", "rwm")];

  expect(isAllowed(rules, "c 1:3 rwm")).toBe(true);
  expect(assembleDeviceProgram(rules)).toEqual(assembleDeviceProgram(rules.slice(1)));
});

test("a number of 32 bits is compared whole", () => {
  const rules = [rule(true, "c", "4294967295:0", "r")];

  expect(isAllowed(rules, "c 4294967295:0 r")).toBe(true);
  expect(isAllowed(rules, "c 4294967294:0 r")).toBe(false);
});
