import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { transformFileSync } from "@swc/core";
import { Container } from "../support/container";
import { callerEnvironment } from "../support/environment";
import { isThorough, tellFigure } from "../support/figures.mjs";
import { shows } from "../support/shows";
import { everything } from "./fault-bundles";
import { buildFaults, discard, faultSuite, faultsDir, seed } from "./subjects";

jest.setTimeout(30 * 60_000);

faultSuite("faults: what a process holds on to that uses the library", () => {
  beforeAll(buildFaults);

  shows(
    "ours",
    "after a call has failed no descriptor, lock, child or shared memory is left",
    () => {
      const box = new Container(everything);
      box.probe("--quiet", "--wait");

      const findings = runInProcess(box);

      const { struck } = findings.pop() as { struck: number };
      expect(findings).toEqual([]);
      expect(struck).toBeGreaterThan(50);
      tellFigure("faults", "calls that failed in a process that goes on", struck);
      discard(box);
    },
  );
});

/** Runs in-process.ts in a Node of its own; what it found, and last how many calls it had fail. */
function runInProcess(box: Container): object[] {
  for (const name of ["control", "in-process"]) {
    const { code } = transformFileSync(join(__dirname, `${name}.ts`), {
      jsc: { target: "es2022", parser: { syntax: "typescript" } },
      module: { type: "commonjs" },
    });
    writeFileSync(join(box.dir, `${name}.js`), code);
  }
  const control = join(box.dir, "control");
  const task = {
    entry: join(faultsDir, "js/index.js"),
    root: box.stateRoot,
    bundle: box.bundleDir,
    id: box.id,
    control,
    stride: isThorough ? 1 : 17,
    seed,
  };
  const said = join(box.dir, "findings");
  const out = openSync(said, "w");
  const { status } = spawnSync(
    process.execPath,
    [join(box.dir, "in-process.js"), JSON.stringify(task)],
    { stdio: ["ignore", out, out], env: { ...callerEnvironment(), TSOCI_FAULTS: control } },
  );
  closeSync(out);
  const text = readFileSync(said, "utf8");
  if (status !== 0) throw new Error(text);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
}
