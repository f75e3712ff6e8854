// Parts of a config.json that stand alone: a process for exec, limits for update, mounts for mounts.
import fc from "fast-check";
import { assertOneLine, load, mayRefuse } from "../driver.mjs";
import { nearly, spelled, spelling } from "../from-schema.mjs";
import { showPlansOf } from "../plans.mjs";

const { parseProcess } = load("spec/parse-process");
const { parseResources } = load("spec/parse-resources");
const { parseMounts, findNotAddable } = load("spec/parse-mounts");
const { planMountsAdd, planMountsRemove } = load("plan/live-mounts");
const { defaultConfig } = load("spec/default-config");
const { summarizeIssues } = load("spec/report");

const base = defaultConfig({ cgroupVersion: 2 });
const facts = { euid: 0, selinux: true };
const place = { bundleDir: "/b", rootfsPath: "/b/rootfs", namespaces: 0x2c02_0000 };

function showMounts({ mounts }) {
  findNotAddable(mounts, { mapsIds: false });
  mayRefuse(() => planMountsAdd(base, facts, mounts, place));
  mayRefuse(() => planMountsRemove(base, facts, mounts, place));
}

/** By what the first byte chooses: how the rest is read, and what is done with it. */
const readers = [
  [parseProcess, ({ process }) => showPlansOf({ ...base, process })],
  [
    parseResources,
    ({ resources }) => showPlansOf({ ...base, linux: { ...base.linux, resources } }),
  ],
  [parseMounts, showMounts],
];

function checkText(text, [parse, show]) {
  const parsed = parse(text);
  if (parsed.ok) return show(parsed);
  if (parsed.issues.length === 0) throw new Error("refused without an issue");
  for (const { line, column } of parsed.issues) {
    if (!(line >= 1 && column >= 1)) throw new Error(`no place is ${line}:${column}`);
  }
  assertOneLine(summarizeIssues(parsed.issues, "a file"));
}

function check(bytes) {
  if (bytes.length === 0) return;
  checkText(bytes.subarray(1).toString(), readers[bytes[0] % readers.length]);
}

const mounts = nearly("config.json", { mounts: base.mounts }).map((config) => config.mounts);
const values = [
  nearly("process.json", base.process),
  nearly("resources.json", { devices: [{ allow: false, access: "rwm" }] }),
  mounts,
];

export const target = {
  check,
  words: [
    '"args":["sh"]',
    '"cwd":"/"',
    "null",
    "]",
    "}",
    '},"linux":{}',
    '{"a":',
    '"size":1',
    "[]",
  ],
  seeds: () =>
    [base.process, { memory: { limit: 1 } }, base.mounts].map((value, index) =>
      Buffer.from(`${index}${JSON.stringify(value)}`),
    ),
  values: fc.oneof(...values.map((value, index) => fc.tuple(fc.constant(index), value, spelling))),
  checkValue: ([index, value, how]) => checkText(spelled(value ?? null, how), readers[index]),
};
