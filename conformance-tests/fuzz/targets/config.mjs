// config.json: whatever the bytes, there is a config or there are issues, each at a place of the text; and every
// config that is taken can be planned, limited and sent to init.
import fc from "fast-check";
import { assertOneLine, load, mayRefuse } from "../driver.mjs";
import { nearly, spelled, spelling } from "../from-schema.mjs";
import { showPlansOf } from "../plans.mjs";

const { parseConfig } = load("spec/parse-config");
const { formatIssues, summarizeIssues } = load("spec/report");
const { defaultConfig } = load("spec/default-config");
const { mountOptionNames } = load("spec/mount-options");
const { listLimits } = load("cgroups/limits/list-limits");
const { listDeviceRules, writesOf } = load("cgroups/device-rules");
const { assembleDeviceProgram } = load("cgroups/device-program");
const { propertiesOfResources } = load("cgroups/systemd/properties");

const base = defaultConfig({ cgroupVersion: 1 });

function showIssues(text, issues) {
  const lines = text.split("\n");
  for (const { line, column, message, clause } of issues) {
    if (message === "" || clause === "") throw new Error("an issue says nothing");
    const isInText = column >= 1 && column <= (lines[line - 1]?.length ?? -1) + 1;
    if (!isInText) throw new Error(`place ${line}:${column} is not in the text`);
  }
  const printed = formatIssues(issues, "text");
  if (printed.split("\n").length !== issues.length + 1)
    throw new Error("not a line for each issue");
  assertOneLine(summarizeIssues(issues));
}

const supposed = (version) => ({
  isUnified: version === 2,
  unified: undefined,
  find: (name) => ({ name, version, dir: "/c", has: () => true, read: () => "" }),
});

function showResources({ linux }) {
  const resources = linux?.resources;
  if (resources === undefined) return;
  for (const version of [1, 2]) {
    mayRefuse(() => listLimits(resources, supposed(version)));
    mayRefuse(() => propertiesOfResources(resources, { version: 252, isUnified: version === 2 }));
  }
  const rules = mayRefuse(() => listDeviceRules(resources.devices ?? []));
  if (rules === undefined) return;
  mayRefuse(() => writesOf(rules));
  mayRefuse(() => assembleDeviceProgram(rules));
}

function check(bytes) {
  const parsed = parseConfig(bytes);
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  showIssues(text, parsed.warnings);
  if (!parsed.ok) {
    if (parsed.issues.length === 0) throw new Error("refused without an issue");
    showIssues(text, parsed.issues);
    return;
  }
  showPlansOf(parsed.config);
  showResources(parsed.config);
}

const names = [
  "ociVersion root process linux mounts hooks namespaces resources devices seccomp rlimits user",
  "destination options type source path uidMappings annotations sysctl scheduler ioPriority",
].flatMap((line) => line.split(" "));

export const target = {
  check,
  words: [...names.map((name) => `"${name}":`), ...mountOptionNames().map((it) => `"${it}"`)]
    .concat(['"\\u0000"', '"\\ud800"', "null", "{}", "[]", "-0", "1E2", "18446744073709551616"])
    .concat(["\ufeff", "//", "__proto__", '"RLIMIT_NOFILE"', '"SCMP_ACT_NOTIFY"', '"/proc/sys"']),
  seeds: () => [Buffer.from(JSON.stringify(base)), Buffer.from(JSON.stringify(base, undefined, 2))],
  values: fc.tuple(nearly("config.json", base), spelling),
  checkValue: ([config, how]) => check(Buffer.from(spelled(config, how))),
};
