import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "./config";
import type { Container } from "./container";
import { callerEnvironment, repositoryDir } from "./environment";
import type { Outcome } from "./runtime";
import { waitFor } from "./wait";

/** Where checkpoint/get-criu.sh leaves one. */
const fetched = join(repositoryDir, "build/criu");

/** Directory of a CRIU that works with this kernel; undefined when there is none. */
export function criuDir(): string | undefined {
  return [...searchPath().split(":"), fetched].find(
    (dir) => existsSync(join(dir, "criu")) && spawnSync(join(dir, "criu"), ["check"]).status === 0,
  );
}

const searchPath = () => callerEnvironment().PATH ?? "";

let found: string | undefined;

/** What lets the runtime find it. A checkpoint takes longer than other commands. */
export function withCriu(): { readonly env: NodeJS.ProcessEnv; readonly timeoutMs: number } {
  found ??= criuDir();
  const env = { ...callerEnvironment(), PATH: `${found}:${searchPath()}` };
  return { env, timeoutMs: 60_000 };
}

/**
 * A program that has something to lose: it counts what it is asked, in memory. A question with an "exit"
 * in it ends it, with 7.
 */
const counting = `
exec 3<>/shared/questions
n=0
echo ready >>/shared/answers
while read question <&3; do
  n=$((n + 1))
  echo "$n $question"
  echo "$n $question" >>/shared/answers
  [ "$question" != exit ] || exit 7
done`;

/** The tests' end of it. */
export interface Counter {
  /** Asks, and waits for the answer: how many questions there were, and the question. */
  ask(question: string): string;
  /** Asks, and does not wait. */
  tell(question: string): void;
  waitUntilReady(): void;
}

/** It tells its answers on standard output, too; not by itself: CRIU takes no file for another of another length. */
export function makeCounter(box: Container, before = "exec >/dev/null 2>&1"): Counter {
  box.addBusybox();
  const shared = box.share("/shared");
  execFileSync("mkfifo", [join(shared, "questions")]);
  writeFileSync(join(shared, "answers"), "");
  // A user namespace has another root.
  for (const name of ["questions", "answers"]) chmodSync(join(shared, name), 0o666);
  processOf(box.config).args = ["/bin/sh", "-c", `${before}\n${counting}`];
  box.writeConfig();
  const answers = () => readFileSync(join(shared, "answers"), "utf8").split("\n").slice(0, -1);
  const tell = (question: string) =>
    writeFileSync(join(shared, "questions"), `${question}\n`, { flag: "r+" });
  return {
    tell,
    ask(question) {
      const known = answers().length;
      tell(question);
      return waitFor(`an answer to "${question}"`, () => answers()[known]);
    },
    waitUntilReady: () => {
      waitFor("the program", () => answers().includes("ready"));
    },
  };
}

/** The flags that name the directories of a checkpoint, apart from the bundle. */
export function imageFlags(box: Container, name = "images"): readonly string[] {
  const work = join(box.dir, "work");
  mkdirSync(work, { recursive: true });
  return ["--image-path", join(box.dir, name), "--work-path", work];
}

export function checkpoint(box: Container, ...flags: readonly string[]): Outcome {
  return box.attempt("checkpoint", [...imageFlags(box), ...flags], withCriu());
}

export function restore(box: Container, ...flags: readonly string[]): Outcome {
  return box.attempt("restore", [...imageFlags(box), ...flags], withCriu());
}

/** What went wrong is in the error, and so in the report of the test. */
export function expectSilence(outcome: Outcome): void {
  expect({ status: outcome.status, stderr: outcome.stderr }).toEqual({ status: 0, stderr: "" });
}
