import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Resources } from "../../generated/config";
import { listDeviceRules } from "../device-rules";
import { allowedDevices, parseDeviceDrivers } from "./devices";
import {
  type Property,
  propertiesOfDevices,
  propertiesOfResources,
  propertiesOfTasks,
  propertiesOfUnit,
} from "./properties";

const inputs: Readonly<Record<string, Resources>> = {
  common: {
    memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20 },
    cpu: { shares: 512, quota: 12_345, period: 200_000, cpus: "0-1,9", mems: "0" },
    blockIO: { weight: 500 },
    pids: { limit: 32 },
  },
  "no limits": {
    memory: { limit: -1, reservation: -1 },
    cpu: { quota: -1, period: 100_000 },
    pids: { limit: -1 },
  },
  "zeros, which engines send for what nobody set": {
    memory: { limit: 0, swap: 0, reservation: 0 },
    cpu: { shares: 0, quota: 0, period: 0, cpus: "", mems: "" },
    blockIO: { weight: 0 },
  },
  "no process besides the program": { pids: { limit: 0 } },
  idle: { cpu: { shares: 2, idle: 1 } },
  "what is refused later": {
    memory: { limit: 100, swap: 50 },
    cpu: { shares: 1, cpus: "x" },
  },
  unified: {
    unified: {
      "memory.high": "50331648",
      "memory.max": "max",
      "cpu.max": "50000 100000",
      "cpuset.cpus": "1",
      "pids.max": "7",
      "io.max": "8:0 rbps=1",
    },
  },
};

const printValue = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}` : value);
const print = (properties: readonly Property[]) =>
  properties.map(({ name, type, value }) => `${name} ${type} ${JSON.stringify(value, printValue)}`);

test.each([
  ["v1", { isUnified: false, version: 252 }],
  ["v2", { isUnified: true, version: 252 }],
  ["v2-old", { isUnified: true, version: 241 }],
])(
  "properties for %s are as they were reviewed; UPDATE_GOLDEN=1 writes them anew",
  (name, facts) => {
    const file = join(__dirname, "golden", `${name}.txt`);
    const printed = Object.entries(inputs)
      .map(([title, resources]) => {
        const of = [...propertiesOfResources(resources, facts), ...propertiesOfTasks(resources)];
        return [`## ${title}`, ...print(of), ""].join("\n");
      })
      .join("\n");
    if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, printed);

    expect(printed).toBe(readFileSync(file, "utf8"));
  },
);

describe("a unit", () => {
  test("a scope has a process, and says what it is", () => {
    const unit = { name: "tsoci-web.scope", slice: "a.slice" };

    expect(print(propertiesOfUnit(unit, "web", { isUnified: true, placeholderPid: 7 }))).toEqual([
      'Description s "tsoci container web"',
      'Slice s "a.slice"',
      "PIDs au [7]",
      "DefaultDependencies b false",
      'CollectMode s "inactive-or-failed"',
      "Delegate b true",
      "MemoryAccounting b true",
      "CPUAccounting b true",
      "IOAccounting b true",
      "TasksAccounting b true",
    ]);
  });

  test("a slice has none, and wants the one that it is named with", () => {
    const unit = { name: "web.slice", slice: "a.slice" };
    const names = propertiesOfUnit(unit, "web", { isUnified: false, placeholderPid: undefined });

    expect(print(names)).toContain('Wants as ["a.slice"]');
    expect(print(names)).toContain("BlockIOAccounting b true");
    expect(names.map(({ name }) => name)).not.toEqual(
      expect.arrayContaining(["Delegate", "PIDs", "Slice"]),
    );
  });
});

describe("devices", () => {
  const drivers = parseDeviceDrivers(
    "Character devices:\n  1 mem\n  4 /dev/vc/0\n  4 tty\n136 pts\n\nBlock devices:\n  8 sd\n",
  );
  const properties = (devices: Resources["devices"] = []) =>
    print(propertiesOfDevices(allowedDevices(listDeviceRules(devices), drivers)));

  test("every container has the default ones, and those of its config", () => {
    const [policy, list] = properties([
      { allow: false, access: "rwm" },
      { allow: true, type: "b", major: 8, minor: 1, access: "r" },
      { allow: true, type: "c", major: 4, access: "rw" },
      { allow: true, type: "c", major: 99, access: "rw" },
    ]);

    expect(policy).toBe('DevicePolicy s "strict"');
    expect(list).toBe(
      'DeviceAllow a(ss) [["/dev/block/8:1","r"],["char-tty","rw"],["char-*","m"],["block-*","m"],' +
        '["/dev/char/1:3","rwm"],["/dev/char/1:8","rwm"],["/dev/char/1:7","rwm"],["/dev/char/5:0","rwm"],' +
        '["/dev/char/1:5","rwm"],["/dev/char/1:9","rwm"],["char-pts","rwm"],["/dev/char/5:2","rwm"],' +
        '["/dev/char/10:200","rwm"]]',
    );
  });

  test("a rule takes back what one before it allows, and not what one after it does", () => {
    const [, list = ""] = properties([
      { allow: true, type: "b", major: 8, minor: 1, access: "rw" },
      { allow: true, type: "b", major: 8, minor: 2, access: "r" },
      { allow: false, type: "b", major: 8, access: "r" },
      { allow: true, type: "b", major: 8, minor: 3, access: "r" },
    ]);

    expect(list).toContain('[["/dev/block/8:1","w"],["/dev/block/8:3","r"],');
  });

  test("all devices need no list", () => {
    expect(properties([{ allow: true, access: "rwm" }])).toEqual(['DevicePolicy s "auto"']);
  });
});
