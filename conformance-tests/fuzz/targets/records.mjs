// What is stored of a container, when it is damaged: each file is understood or refused.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { load, mayRefuse } from "../driver.mjs";

const { loadRecord } = load("state/store");
const { loadTemplate } = load("state/template");
const { defaultConfig } = load("spec/default-config");

const stateRoot = mkdtempSync(`${process.env.TMPDIR ?? "/tmp"}/tsoci-fuzz-`);
const dir = `${stateRoot}/web`;
mkdirSync(dir);
process.on("exit", () => rmSync(stateRoot, { recursive: true }));

const files = [
  ["state.json", () => loadRecord(stateRoot, "web")],
  ["process.json", () => loadTemplate(stateRoot, "web")],
];

function check(bytes) {
  if (bytes.length === 0) return;
  const [name, read] = files[bytes[0] % files.length];
  rmSync(`${dir}/${name}`, { force: true });
  writeFileSync(`${dir}/${name}`, bytes.subarray(1));
  mayRefuse(read);
}

const record = {
  id: "web",
  init_process_pid: 1,
  init_process_start: 2,
  cgroup_paths: { "": "/sys/fs/cgroup/web" },
  config: { rootfs: "/b/rootfs", labels: [] },
  tsoci: { hooks: { poststart: [], poststop: [] }, createdCgroups: [] },
};

function template() {
  const base = defaultConfig({ cgroupVersion: 1 });
  return JSON.stringify({ config: base, newKeyring: true, filter: { flags: 0 } });
}

export const target = {
  check,
  words: [
    "null",
    "[]",
    "{}",
    '"web"',
    '"config":',
    '"process":null',
    '"rlimits":[{}]',
    '"soft":"x"',
    '"filter":null',
  ],
  seeds: () => [Buffer.from(`0${JSON.stringify(record)}`), Buffer.from(`1${template()}`)],
};
