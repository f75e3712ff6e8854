#!/usr/bin/env node
// Runs the runners of this directory for each runtime that is named, and ends with the sum over all:
// `N passed, N failed, N skipped`. What known-failures.json explains counts as skipped.
//
//   compatibility.mjs --runtime NAME=PATH... [--client NAME]... [--write]
//
// The clients whose names end in -shim have containerd start containerd-shim-NAME-v2, which is looked for beside the
// runtime and in PATH; a runtime that has none is left out there.
//
// --write keeps the outcomes in results.json, beside those of other clients and runtimes, and makes
// docs/compatibility.md of all of them.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = fileURLToPath(new URL(".", import.meta.url));
const callers = {
  containerd: "containerd, by `ctr`",
  "containerd-shim": "containerd with the runtime's own shim, by `ctr`",
  cri: "containerd's CRI, as a kubelet calls it",
  "cri-shim": "containerd's CRI with the runtime's own shim",
  podman: "Podman, as root and as an ordinary user",
  docker: "Docker",
  conmon: "conmon and the runtime, as CRI-O calls them",
};
const runners = Object.keys(callers);
const packages = ["containerd", "podman", "conmon", "docker.io", "criu"];
const minutesForOne = 20;

const known = JSON.parse(readFileSync(join(here, "known-failures.json"), "utf8"));

function shimOf({ name, path }) {
  const dirs = [dirname(path), ...(process.env.PATH ?? "").split(":")];
  const places = dirs.map((dir) => join(dir, `containerd-shim-${name}-v2`));
  return places.find((file) => existsSync(file));
}

/** The program that the client is given; undefined when the runtime has no shim. */
function programFor(client, runtime) {
  return client.endsWith("-shim") ? shimOf(runtime) : runtime.path;
}

/** What one runner prints of one program: by case, `kind` is "passed", "failed" or "skipped". */
function runCases(client, runtime, program) {
  const runner = `${client.replace(/-shim$/, "")}.sh`;
  const outcome = spawnSync(join(here, runner), [program], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    timeout: minutesForOne * 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  const cases = {};
  for (const line of outcome.stdout.split("\n")) {
    console.log(line.replace(/^(ok|not ok) /, `$1 ${client}, ${runtime.name}: `));
    const [, verdict, title, why] = /^(ok|not ok) (.*?)(?: # SKIP (.*))?$/.exec(line) ?? [];
    if (title === undefined) continue;
    const reason = why ?? known[client]?.[title]?.[runtime.name];
    const kind = verdict === "not ok" ? "failed" : why === undefined ? "passed" : "skipped";
    cases[title] = { kind, why: reason };
  }
  // A runner that was killed, or that found no container to ask, has told nothing by its lines.
  if (!/^\d+ passed, \d+ failed, \d+ skipped$/m.test(outcome.stdout)) {
    cases["the runner comes to its end"] = { kind: "failed" };
  }
  return cases;
}

/** A failure that is explained is no failure of this run. */
function count(results) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { kind, why } of results) counts[kind === "failed" && why ? "skipped" : kind] += 1;
  return counts;
}

const sentence = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

function firstLine(command, args) {
  return spawnSync(command, args, { encoding: "utf8" }).stdout.split("\n")[0];
}

/** What the outcomes were found with. */
function versions(path) {
  const cgroup = readdirSync("/sys/fs/cgroup").includes("cgroup.controllers") ? "v2" : "v1";
  return {
    version: firstLine(path, ["--version"]),
    packages: packages.map((name) => firstLine("dpkg-query", ["--show", name]).replace("\t", " ")),
    machine: `Linux ${release()}, cgroup ${cgroup}`,
  };
}

const row = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [row(head), row(head.map(() => "---")), ...rows.map(row)];
const words = { passed: "passes", failed: "**fails**", skipped: "not run" };

function callerSection(client, names, outcomes) {
  const of = (name) => outcomes[name]?.cases[client] ?? {};
  const titles = new Set(names.flatMap((name) => Object.keys(of(name))));
  const rows = [...titles].map((title) => {
    const found = names.map((name) => of(name)[title]);
    const reasons = new Set(found.map((outcome) => outcome?.why).filter((why) => why));
    return [title, ...found.map((outcome) => words[outcome?.kind] ?? ""), [...reasons].join("; ")];
  });
  return ["", `## ${callers[client]}`, "", ...table(["case", ...names, "why not"], rows)];
}

function totalsOf(client, names, outcomes) {
  const cells = names.map((name) => {
    const found = outcomes[name]?.cases[client];
    if (found === undefined) return "";
    const kinds = Object.values(found).map(({ kind }) => kind);
    const of = (kind) => kinds.filter((found) => found === kind).length;
    return `${of("passed")} of ${kinds.length - of("skipped")}`;
  });
  return [callers[client], ...cells];
}

function page(outcomes) {
  const names = Object.keys(outcomes);
  const clients = runners.filter((client) => names.some((name) => outcomes[name].cases[client]));
  const { machine, packages: installed } = outcomes[names[0]];
  return [
    "<!-- Written by conformance-tests/clients/compatibility.mjs: `make compatibility`. -->",
    "",
    "# Compatibility",
    "",
    "What passes with each runtime when its callers drive it. How to configure them is in [callers.md](callers.md).",
    "",
    `- runtimes: ${names.map((name) => outcomes[name].version).join(", ")}`,
    `- Debian packages: ${installed.join(", ")}`,
    `- ${machine}`,
    "",
    ...table(
      ["caller", ...names],
      clients.map((client) => totalsOf(client, names, outcomes)),
    ),
    "",
    "Cases that this machine or this version of the caller cannot run are not counted.",
    ...clients.flatMap((client) => callerSection(client, names, outcomes)),
    "",
  ].join("\n");
}

/** Runs what is asked for: by runtime, what it was found with, and the cases by client. */
function runAll(runtimes, clients, afterEach) {
  const outcomes = {};
  for (const runtime of runtimes) {
    const cases = {};
    outcomes[runtime.name] = { ...versions(runtime.path), cases };
    for (const client of clients) {
      const program = programFor(client, runtime);
      if (program === undefined) continue;
      cases[client] = runCases(client, runtime, program);
      afterEach(outcomes);
    }
  }
  return outcomes;
}

function keep(outcomes) {
  const file = join(here, "results.json");
  const all = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  for (const [name, found] of Object.entries(outcomes)) {
    all[name] = { ...found, cases: { ...all[name]?.cases, ...found.cases } };
  }
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
  writeFileSync(join(here, "../../docs/compatibility.md"), page(all));
}

function main() {
  const { values } = parseArgs({
    options: {
      runtime: { type: "string", multiple: true, default: [] },
      client: { type: "string", multiple: true, default: runners },
      write: { type: "boolean", default: false },
    },
  });
  const runtimes = values.runtime.map((given) => {
    const [, name, path] = /^([^=]+)=(.+)$/.exec(given) ?? [];
    if (name === undefined) throw new Error(`--runtime is "${given}", and must be NAME=PATH`);
    return { name, path };
  });
  const outcomes = runAll(runtimes, values.client, values.write ? keep : () => {});
  const all = [];
  for (const [name, { cases }] of Object.entries(outcomes)) {
    for (const [client, found] of Object.entries(cases)) {
      console.log(`${client.padEnd(17)}${name.padEnd(8)}${sentence(count(Object.values(found)))}`);
      all.push(...Object.values(found));
    }
  }
  console.log(sentence(count(all)));
  process.exitCode = all.length > 0 && count(all).failed === 0 ? 0 : 1;
}

main();
