import { chmodSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { callerEnvironment, isTsoci, repositoryDir, runtimePath, scratchDir } from "./environment";
import { cgroupDirs, cgroupParent } from "./host";
import { callRuntime, type Outcome } from "./runtime";
import { rootSuite } from "./shows";

/** The examples run tsoci: what they show is not asked of another runtime. */
export const exampleSuite = isTsoci ? rootSuite : () => {};

export interface ExampleOutcome extends Outcome {
  /** Its temporary files, and the cgroup above its containers, that are there after its end. */
  readonly left: readonly string[];
}

/** Runs a script of examples/ from a directory that is not its own. */
export function runExample(
  name: string,
  { runtime = runtimePath, args = [] }: { runtime?: string; args?: readonly string[] } = {},
): ExampleOutcome {
  const dir = mkdtempSync(join(scratchDir(), "example-"));
  const temporary = join(dir, "tmp");
  mkdirSync(temporary);
  // An example may go on as another user.
  chmodSync(dir, 0o755);
  chmodSync(temporary, 0o1777);
  const cgroup = join(cgroupParent(), basename(dir));
  const { PATH, ...env } = callerEnvironment();
  const outcome = callRuntime([runtime, ...args], {
    through: name.endsWith(".mjs") ? [process.execPath] : [],
    runtime: join(repositoryDir, "examples", name),
    cwd: dir,
    env: {
      ...env,
      PATH: `${PATH}${delimiter}${dirname(process.execPath)}`,
      TMPDIR: temporary,
      TSOCI_EXAMPLE_CGROUP: cgroup,
    },
    timeoutMs: 25_000,
  });
  return { ...outcome, left: [...readdirSync(temporary), ...cgroupDirs(cgroup)] };
}

/** What a command of the runtime does to the script that calls it, in place of what it should do. */
const mishaps = {
  "one of its commands fails": "exit 1",
  "it is terminated": 'kill -TERM "$PPID"; exit 0',
} as const;

/** A runtime that is the real one, but for one command, in whose place it runs a line of shell. */
export function runtimeWith(
  command: string,
  mishap: keyof typeof mishaps,
  real: string = runtimePath,
): string {
  const dir = mkdtempSync(join(scratchDir(), "runtime-"));
  chmodSync(dir, 0o755);
  const path = join(dir, "tsoci");
  const body = `case " $* " in *" ${command} "*) ${mishaps[mishap]} ;; esac\nexec "${real}" "$@"\n`;
  writeFileSync(path, `#!/bin/sh\n${body}`, { mode: 0o755 });
  return path;
}

/** The kinds of mishap, as words for a test's name. */
export const mishapNames = Object.keys(mishaps) as (keyof typeof mishaps)[];
