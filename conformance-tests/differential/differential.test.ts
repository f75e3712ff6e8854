import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { Container, parseReport } from "../support/container";
import { scratchDir } from "../support/environment";
import { removeCgroups } from "../support/host";
import { reasonToSkip } from "../support/needs";
import { callRuntime } from "../support/runtime";
import { rootSuite } from "../support/shows";
import { waitFor } from "../support/wait";
import { comparable, type Difference, differences } from "./compare";
import known from "./known-differences.json";
import { Random } from "./random";
import { varyConfig, varyProcess } from "./variations";

const peer = "/usr/sbin/runc";
const howMany = 200;
const atOnce = 20;

type What = "config" | "process";

interface Known {
  readonly what: What;
  readonly path: string;
  readonly because: string;
}

/** What is left when the differences that we know are taken away: none. */
function unknown(
  seed: number,
  what: What,
  found: readonly Difference[],
): readonly ({ readonly seed: number } & Difference)[] {
  const patterns = (known as readonly Known[])
    .filter((entry) => entry.what === what)
    .map(({ path }) => new RegExp(`^${path}$`));
  return found
    .filter(({ path }) => !patterns.some((pattern) => pattern.test(path)))
    .map((difference) => ({ seed, ...difference }));
}

const range = (first: number) => Array.from({ length: atOnce }, (_, index) => first + index);

function withContainer<Result>(use: (box: Container) => Result, seed: number): Result {
  const random = new Random(seed);
  const box = new Container((config, made) => varyConfig(config, random, made));
  try {
    return use(box);
  } finally {
    removeCgroups(box.cgroupPath);
    rmSync(box.dir, { recursive: true, force: true });
  }
}

/** What the program of a generated config sees under a runtime; undefined for our own. */
function seeContainer(seed: number, runtime: string | undefined): Record<string, unknown> {
  const options = runtime === undefined ? {} : { runtime };
  return withContainer((box) => {
    try {
      const outcome = box.attempt("run", [], options);
      // Why is each runtime's own to say; that both refuse is what counts.
      if (outcome.status !== 0) return { refused: true };
      return comparable(parseReport(outcome.stdout), box);
    } finally {
      box.attempt("delete", ["--force"], options);
    }
  }, seed);
}

const seeds = Array.from({ length: howMany / atOnce }, (_, group) => group * atOnce);
const reason = reasonToSkip(["runc"]);
const each = reason === undefined ? test.each(seeds) : test.skip.each(seeds);

rootSuite("differential: the same inputs for runc", () => {
  each("configs from seed %i on are seen alike by their programs", (first) => {
    const found = range(first).flatMap((seed) =>
      unknown(seed, "config", differences(seeContainer(seed, undefined), seeContainer(seed, peer))),
    );
    expect(found).toEqual([]);
  });

  each("processes from seed %i on are seen alike by their programs", (first) => {
    const [ours, theirs] = [undefined, peer].map((runtime) => seeProcesses(first, runtime));
    const found = range(first).flatMap((seed, index) =>
      unknown(seed, "process", differences(ours?.[index], theirs?.[index])),
    );
    expect(found).toEqual([]);
  });
});

/** What processes see that are added to one container. */
function seeProcesses(first: number, runtime: string | undefined): Record<string, unknown>[] {
  const options = runtime === undefined ? {} : { runtime };
  const box = new Container((config) => {
    processOf(config).args = ["/probe", "--out", "/dev/null", "--wait"];
  });
  try {
    box.do("run", ["--detach"], options);
    return range(first).map((seed) => {
      const file = join(scratchDir(), `${box.id}-${seed}.json`);
      writeFileSync(file, JSON.stringify(varyProcess(new Random(seed))));
      const args = ["--root", box.stateRoot, "exec", "--process", file, box.id];
      const outcome = callRuntime(args, options);
      if (outcome.status !== 0) return { refused: true };
      return comparable(parseReport(outcome.stdout), box);
    });
  } finally {
    box.attempt("delete", ["--force"], options);
    waitFor("the cgroup to be empty", () => {
      removeCgroups(box.cgroupPath);
      return true;
    });
    rmSync(box.dir, { recursive: true, force: true });
  }
}
