import { RuntimeError } from "../errors/runtime-error";
import type { DeviceRule as ConfigRule } from "../generated/config";
import { listDeviceRules, writesOf } from "./device-rules";

const denyEverything: ConfigRule = { allow: false, access: "rwm" };
const defaultCount = 11;

function linesOf(...configured: ConfigRule[]): string[] {
  return writesOf(listDeviceRules(configured)).map(({ file, line }) => `${file} ${line}`);
}

function refusalOf(rule: ConfigRule): RuntimeError {
  try {
    listDeviceRules([rule]);
  } catch (error) {
    if (error instanceof RuntimeError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

test("without rules everything is denied, but for what every container gets", () => {
  expect(linesOf()).toEqual([
    "devices.deny a",
    "devices.allow c *:* m",
    "devices.allow b *:* m",
    "devices.allow c 1:3 rwm",
    "devices.allow c 1:8 rwm",
    "devices.allow c 1:7 rwm",
    "devices.allow c 5:0 rwm",
    "devices.allow c 1:5 rwm",
    "devices.allow c 1:9 rwm",
    "devices.allow c 136:* rwm",
    "devices.allow c 5:2 rwm",
    "devices.allow c 10:200 rwm",
  ]);
});

test("the rules of config.json come in their order, before those that every container gets", () => {
  const lines = linesOf(
    denyEverything,
    { allow: true, type: "c", major: 10, minor: 229, access: "rwm" },
    { allow: true, type: "b", major: 8, minor: 20, access: "rw" },
    { allow: false, type: "b", major: 8, access: "w" },
  );

  expect(lines.slice(0, 4)).toEqual([
    "devices.deny a",
    "devices.allow c 10:229 rwm",
    "devices.allow b 8:20 rw",
    "devices.deny b 8:* w",
  ]);
  expect(lines).toHaveLength(4 + defaultCount);
});

test("a first rule about everything stands for itself", () => {
  expect(linesOf({ allow: true, access: "mwr" })[0]).toBe("devices.allow a");
});

test("a rule about both types that is not about everything is written for each type", () => {
  // "a 10:229 rwm" would be taken for all devices.
  expect(linesOf({ allow: true, major: 10, minor: 229, access: "rwm" }).slice(0, 3)).toEqual([
    "devices.deny a",
    "devices.allow b 10:229 rwm",
    "devices.allow c 10:229 rwm",
  ]);
  expect(linesOf({ allow: true, type: "a", access: "r" }).slice(1, 3)).toEqual([
    "devices.allow b *:* r",
    "devices.allow c *:* r",
  ]);
});

test("-1 stands for every number", () => {
  const [, rule] = listDeviceRules([{ allow: true, type: "c", major: -1, minor: 3n, access: "r" }]);

  expect(rule).toEqual({ allow: true, type: "c", major: undefined, minor: 3, access: "r" });
});

test.each([
  [{ allow: true }, '"/linux/resources/devices/0/access" is missing'],
  [{ allow: true, access: "" }, '"/linux/resources/devices/0/access" is ""'],
  [{ allow: true, access: "x" }, '"/linux/resources/devices/0/access" is "x"'],
  [{ allow: true, access: "r", major: -2 }, '"/linux/resources/devices/0/major" is -2'],
  [
    { allow: true, access: "r", minor: 4294967296 },
    '"/linux/resources/devices/0/minor" is 4294967296',
  ],
] as const)("%j is refused", (rule, start) => {
  const refusal = refusalOf(rule);

  expect(refusal.code).toBe("CONFIG_INVALID");
  expect(refusal.message.startsWith(start)).toBe(true);
});

test("a letter of access that means nothing is left out, as runc does", () => {
  const [, rule] = listDeviceRules([{ allow: true, type: "c", major: 1, minor: 3, access: "rx" }]);

  expect(rule).toMatchObject({ allow: true, access: "r" });
});
