import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "./container";
import { buildDir, callerEnvironment, engineEnvironment, isTsoci } from "./environment";
import { mustCall } from "./runtime";

const entry = join(buildDir, "js/index.js");

/** The compiled package is what is tested, and is not made by these tests. */
export function assertLibraryBuilt(): void {
  if (isTsoci && !existsSync(entry)) throw new Error(`"${entry}" is not there: make library`);
}

/** What a program says that uses the compiled package in plain Node: one JSON value a line. */
export function runProgram(
  box: Container,
  body: string,
  { env = {}, fds = [] }: { env?: NodeJS.ProcessEnv; fds?: readonly number[] } = {},
): unknown[] {
  const dir = join(box.dir, "program");
  mkdirSync(dir, { recursive: true });
  const prologue = `
    const { Runtime, RuntimeError, errorCodes, parseConfig } = await import(${JSON.stringify(entry)});
    const [root, bundle, id] = ${JSON.stringify([box.stateRoot, box.bundleDir, box.id])};
    const warnings = [];
    const runtime = new Runtime({ root, warn: (message) => warnings.push(message) });
    const say = (value) => console.log(JSON.stringify(value) ?? "null");
    const codeOf = async (operation) => {
      try { await operation(); return "no error"; }
      catch (error) { return error instanceof RuntimeError ? error.code : String(error); }
    };
  `;
  const file = join(dir, "program.mjs");
  writeFileSync(file, prologue + body);
  // Into files: a container keeps its streams for as long as it lives, and a pipe would be read until then.
  const { stdout } = mustCall([file], {
    runtime: process.execPath,
    env: { ...callerEnvironment(), ...engineEnvironment(), ...env },
    cwd: dir,
    fds,
  });
  // What the container's program writes goes the same way.
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line));
}
