import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import { repositoryDir } from "../support/environment";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

interface Slice {
  readonly name: string;
  readonly ph: string;
  readonly ts: number;
  readonly dur: number;
}

rootSuite("--trace", () => {
  const container = useContainers();

  /** Calls a command with --trace: the file, and the names of its slices. */
  function trace(box: Container, command: string): { file: string; names: string[] } {
    const file = join(box.dir, `${command}.json`);
    box.do(command, ["--trace", file]);
    const { traceEvents } = JSON.parse(readFileSync(file, "utf8")) as { traceEvents: Slice[] };
    return { file, names: traceEvents.filter(({ ph }) => ph === "X").map(({ name }) => name) };
  }

  shows("ours", "a file that cannot be written is found before anything is made", () => {
    const box = container();

    for (const command of ["create", "run"]) {
      const outcome = box.attempt(command, ["--trace", join(box.dir, "missing/trace.json")]);
      expectRefusal(outcome, "write the trace", "ENOENT");
      expect(box.leftovers()).toEqual([]);
    }
  });

  shows("ours", "every step of run is told of by what it does", () => {
    const box = container();
    box.probe("--quiet");

    const { names } = trace(box, "run");

    expect(names).toEqual(
      expect.arrayContaining([
        `run ${box.id}`,
        'mount proc on "/proc"',
        "report ready",
        "wait for start",
        'find the program "/probe"',
      ]),
    );
    expect(names.filter((name) => /^step \d|error/.test(name))).toEqual([]);
  });

  shows("ours", "create and start share the steps between them, and each is there once", () => {
    const box = container();
    box.probe("--quiet");

    const created = trace(box, "create").names;
    const started = trace(box, "start").names;

    expect(created).toContain("pivot root");
    expect(started).toEqual(expect.arrayContaining(["report ready", "wait for start"]));
    expect(created.filter((name) => started.includes(name))).toEqual([]);
  });

  shows("ours", "the example prints a trace as a table, each slice on a line", () => {
    const box = container();
    box.probe("--quiet");
    const { file, names } = trace(box, "run");

    const script = join(repositoryDir, "examples/print-trace.mjs");
    const lines = execFileSync(process.execPath, [script, file], { encoding: "utf8" })
      .trimEnd()
      .split("\n");

    expect(lines).toHaveLength(1 + names.length);
    expect(lines[1]).toMatch(/^ +0\.000 +\d+\.\d{3} {2}driver {2}run t/);
    expect(lines).toContainEqual(
      expect.stringMatching(/ {2}init {4}mount proc on "\/proc" {2}\(\/mounts\/0\)$/),
    );
  });
});
