#!/usr/bin/env node
// clients.mjs [--all] [CLIENT]...: runs the runners of ../clients in machines where systemd makes the cgroups, with
// tsoci, and with Debian's runc and crun for comparison. The last line is `N passed, N failed, N skipped` of tsoci.
//
// Without --all only those cases run that a cgroup has a part in.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cannotBeHad, patience, root, runMachine, sentence } from "./machine.mjs";

const resultDir = join(root, "build/test-results/vm-clients");
const runtimes = { tsoci: join(root, "dist/bin/tsoci"), runc: "runc", crun: "crun" };
const limitSeconds = 3 * 3600;

const aboutCgroups = {
  containerd: [
    "run prints what the program prints",
    "tty",
    "device denied",
    "memory limit",
    "cpu limit",
    "cgroup path",
    "too much memory kills",
    "exec prints what the program prints",
    "metrics",
    "pause and resume",
    "kill all",
    "the end of init ends the others",
    "containers outlive the daemon",
  ],
  podman: [
    "run prints what the program prints",
    "tty",
    "devices",
    "memory limit",
    "cpu and pids limit",
    "too much memory kills",
    "without a cgroup",
    "update of limits",
    "exec",
    "detached it runs",
    "pause and unpause",
    "stop sends term",
    "restart",
    "pod",
  ],
  conmon: [
    "create tells the pid",
    "create says why it fails",
    "exit file has the status",
    "delete by force of a running one",
    "exec by conmon",
    "pause and resume",
    "update from stdin",
    "ps",
    "events once",
  ],
};

/** A runner takes parts of the names of its cases. */
const patternOf = (title) => `^case_${title.replaceAll(" ", "_")}$`;

const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;

/** One machine for a client: booting it takes as long as a case. */
function script(client, cases) {
  const calls = Object.values(runtimes).map((path) => [
    join(root, "conformance-tests/clients", `${client}.sh`),
    path,
    ...cases,
  ]);
  return Object.keys(runtimes)
    .map((name, index) => `echo "== ${name}"; ${calls[index].map(quote).join(" ")}`)
    .join("\n");
}

/** What the runners have printed, by runtime. One that did not come to its end has failed. */
function countsOf(output) {
  const totals = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m;
  const counts = {};
  for (const name of Object.keys(runtimes)) {
    const part = output.split(`== ${name}\n`)[1]?.split("\n== ")[0] ?? "";
    const [passed, failed, skipped] = totals.exec(part)?.slice(1).map(Number) ?? [0, 1, 0];
    counts[name] = { passed, failed, skipped };
  }
  return counts;
}

async function testWith(client, cases) {
  const log = join(resultDir, `${client}.log`);
  const settings = ["TSOCI_CGROUP_DRIVER=systemd", `TSOCI_TEST_PATIENCE=${patience}`];
  const options = ["--systemd", "--clients", "--timeout", String(limitSeconds)];
  const variables = settings.flatMap((setting) => ["--env", setting]);
  await runMachine([...options, ...variables, "--", "bash", "-c", script(client, cases)], log);
  const output = readFileSync(log, "utf8");
  console.log(output);
  return countsOf(output);
}

async function main(args) {
  const isAll = args.includes("--all");
  const named = args.filter((arg) => arg !== "--all");
  const unknown = named.filter((name) => aboutCgroups[name] === undefined);
  if (unknown.length > 0) {
    console.error(`usage: clients.mjs [--all] [${Object.keys(aboutCgroups).join("|")}]...`);
    process.exit(2);
  }
  mkdirSync(resultDir, { recursive: true });
  // Made before, so that the machines have no part of their time limits taken.
  if ((await runMachine(["--clients", "--prepare"])) === cannotBeHad) {
    console.log("skipped: no virtual machine can be had here, for the reason above");
    console.log(sentence({ passed: 0, failed: 0, skipped: 1 }));
    return;
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  for (const client of named.length > 0 ? named : Object.keys(aboutCgroups)) {
    const counts = await testWith(client, isAll ? [] : aboutCgroups[client].map(patternOf));
    for (const [name, found] of Object.entries(counts)) {
      lines.push(`${client.padEnd(12)}${name.padEnd(8)}${sentence(found)}`);
    }
    for (const key of Object.keys(total)) total[key] += counts.tsoci[key];
  }
  console.log(lines.join("\n"));
  console.log(sentence(total));
  process.exitCode = total.failed === 0 ? 0 : 1;
}

await main(process.argv.slice(2));
