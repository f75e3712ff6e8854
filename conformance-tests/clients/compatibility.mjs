#!/usr/bin/env node
// Runs the runners of this directory for each runtime that is named, and ends with the sum over all:
// `N passed, N failed, N skipped`. What known-failures.json explains counts as skipped.
//
//   compatibility.mjs --runtime NAME=PATH... [--client NAME]... [--write FILE]
//
// --write makes the page of what passes with which runtime.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = fileURLToPath(new URL(".", import.meta.url));
const runners = ["containerd", "cri", "podman", "docker", "conmon"];
const callers = {
  containerd: "containerd, by `ctr`",
  cri: "containerd's CRI, as a kubelet calls it",
  podman: "Podman, as root and as an ordinary user",
  docker: "Docker",
  conmon: "conmon and the runtime, as CRI-O calls them",
};
const packages = ["containerd", "podman", "conmon", "docker.io", "criu"];
const minutesForOne = 20;

const known = JSON.parse(readFileSync(join(here, "known-failures.json"), "utf8"));

/** What one runner prints of one runtime: by case, "passed", "failed" or "skipped", and why. */
function runCases(client, runtime) {
  const outcome = spawnSync(join(here, `${client}.sh`), [runtime.path], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    timeout: minutesForOne * 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  const cases = new Map();
  for (const line of outcome.stdout.split("\n")) {
    console.log(line.replace(/^(ok|not ok) /, `$1 ${client}, ${runtime.name}: `));
    const [, verdict, title, why] = /^(ok|not ok) (.*?)(?: # SKIP (.*))?$/.exec(line) ?? [];
    if (title === undefined) continue;
    const reason = why ?? known[client]?.[title]?.[runtime.name];
    const kind = verdict === "not ok" ? "failed" : why === undefined ? "passed" : "skipped";
    cases.set(title, { kind, why: reason });
  }
  // A runner that was killed, or that found no container to ask, has told nothing by its lines.
  if (!/^\d+ passed, \d+ failed, \d+ skipped$/m.test(outcome.stdout)) {
    cases.set("the runner comes to its end", { kind: "failed" });
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

function versions(runtimes) {
  const installed = packages.map((name) => {
    const [, version] = firstLine("dpkg-query", ["--show", name]).split("\t");
    return `${name} ${version}`;
  });
  return [
    `- runtimes: ${runtimes.map(({ path }) => firstLine(path, ["--version"])).join(", ")}`,
    `- Debian packages: ${installed.join(", ")}`,
    `- Linux ${release()}, cgroup ${readdirSync("/sys/fs/cgroup").includes("cgroup.controllers") ? "v2" : "v1"}`,
  ];
}

const row = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [row(head), row(head.map(() => "---")), ...rows.map(row)];
const words = { passed: "passes", failed: "**fails**", skipped: "not run" };

function callerSection(client, runtimes, results) {
  const titles = new Set(runtimes.flatMap(({ name }) => [...results.get(name).keys()]));
  const rows = [...titles].map((title) => {
    const outcomes = runtimes.map(({ name }) => results.get(name).get(title));
    const reasons = new Set(outcomes.map((found) => found?.why).filter((why) => why));
    return [title, ...outcomes.map((found) => words[found?.kind] ?? ""), [...reasons].join("; ")];
  });
  const head = ["case", ...runtimes.map(({ name }) => name), "why not"];
  return ["", `## ${callers[client]}`, "", ...table(head, rows)];
}

function page(runtimes, byClient) {
  const totals = [...byClient].map(([client, results]) => [
    callers[client],
    ...runtimes.map(({ name }) => {
      const kinds = [...results.get(name).values()].map(({ kind }) => kind);
      const of = (kind) => kinds.filter((found) => found === kind).length;
      return `${of("passed")} of ${kinds.length - of("skipped")}`;
    }),
  ]);
  return [
    "<!-- Written by conformance-tests/clients/compatibility.mjs: `make compatibility`. -->",
    "",
    "# Compatibility",
    "",
    "What passes with each runtime when its callers drive it. How to configure them is in [callers.md](callers.md).",
    "",
    ...versions(runtimes),
    "",
    ...table(["caller", ...runtimes.map(({ name }) => name)], totals),
    "",
    "Cases that this machine or this version of the caller cannot run are not counted.",
    ...[...byClient].flatMap(([client, results]) => callerSection(client, runtimes, results)),
    "",
  ].join("\n");
}

function main() {
  const { values } = parseArgs({
    options: {
      runtime: { type: "string", multiple: true, default: [] },
      client: { type: "string", multiple: true, default: runners },
      write: { type: "string" },
    },
  });
  const runtimes = values.runtime.map((given) => {
    const [, name, path] = /^([^=]+)=(.+)$/.exec(given) ?? [];
    if (name === undefined) throw new Error(`--runtime is "${given}", and must be NAME=PATH`);
    return { name, path };
  });
  const byClient = new Map();
  for (const client of values.client) {
    const results = new Map();
    for (const runtime of runtimes) results.set(runtime.name, runCases(client, runtime));
    byClient.set(client, results);
  }
  for (const [client, results] of byClient) {
    for (const [name, cases] of results) {
      console.log(`${client.padEnd(12)}${name.padEnd(8)}${sentence(count(cases.values()))}`);
    }
  }
  if (values.write !== undefined) writeFileSync(values.write, page(runtimes, byClient));
  const all = [...byClient.values()].flatMap((results) =>
    [...results.values()].flatMap((cases) => [...cases.values()]),
  );
  console.log(sentence(count(all)));
  process.exitCode = all.length > 0 && count(all).failed === 0 ? 0 : 1;
}

main();
