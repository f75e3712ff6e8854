import { Random } from "../differential/random";
import type { Container } from "../support/container";
import { patience } from "../support/environment";
import { isThorough, tellFigure } from "../support/figures.mjs";
import { cgroupDirs, pidsIn } from "../support/host";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { callBeside, countHangs, faultOf } from "./calls";

const processes = 16;
const rounds = isThorough ? 100 : 5;
const seed = Number(process.env.TSOCI_TEST_SEED ?? Date.now() % 1_000_000);

jest.setTimeout((isThorough ? 600_000 : 60_000) * patience);

/** What may be asked for, with the exit status of a refusal. */
const operations = [
  { words: ["create"], refusal: 1 },
  { words: ["start"], refusal: 1 },
  { words: ["state"], refusal: 1 },
  { words: ["list"], refusal: 1 },
  { words: ["exec"], refusal: 255 },
  { words: ["kill"], refusal: 1 },
  { words: ["delete"], refusal: 1 },
  { words: ["delete", "--force"], refusal: 1 },
] as const;

type Operation = (typeof operations)[number];

function argumentsOf({ words }: Operation, { stateRoot, bundleDir, id }: Container): string[] {
  const [command] = words;
  const globals = ["--root", stateRoot, ...words];
  if (command === "create") return [...globals, "--bundle", bundleDir, id];
  if (command === "list") return globals;
  if (command === "exec") return [...globals, id, "/probe", "--quiet"];
  return [...globals, id, ...(command === "kill" ? ["KILL"] : [])];
}

rootSuite("one id, many processes", () => {
  const container = useContainers();
  countHangs();

  /** Each process does a round of calls after the other; returns what was wrong with any. */
  async function race(
    box: Container,
    choose: (process: number, round: number) => readonly Operation[],
    count: (operation: Operation) => void = () => {},
  ): Promise<string[]> {
    const faults: string[] = [];
    let calls = 0;
    const one = async (process: number) => {
      for (let round = 0; round < rounds; round += 1) {
        for (const operation of choose(process, round)) {
          const outcome = await callBeside(argumentsOf(operation, box));
          calls += 1;
          if (outcome.status === 0) count(operation);
          // What exec ran is killed with the container, and a create that goes on by delete --force.
          const killed = { exec: 128 + 9, create: -1 }[operation.words[0] as string];
          const isKilled = !outcome.timedOut && outcome.status === killed;
          const fault = isKilled ? undefined : faultOf(outcome, operation.refusal);
          if (fault !== undefined) faults.push(`${operation.words.join(" ")}: ${fault}`);
        }
      }
    };
    await Promise.all(Array.from({ length: processes }, (_, process) => one(process)));
    tellFigure("load", "operations raced on one id", calls);
    return faults;
  }

  const createAndDelete = operations.filter(({ words }) =>
    ["create", "delete"].includes(words.join(" ")),
  );

  shows("runtime.md#lifecycle", "what was created by many was deleted as often", async () => {
    const box = container();
    box.probe("--quiet", "--wait");
    const worked = { create: 0, delete: 0 };

    const faults = await race(
      box,
      () => createAndDelete,
      ({ words: [command] }) => {
        if (command === "create" || command === "delete") worked[command] += 1;
      },
    );

    expect(faults).toEqual([]);
    expect(worked.create).toBeGreaterThan(0);
    const isThere = box.attempt("state").status === 0;
    expect(worked.create - worked.delete).toBe(isThere ? 1 : 0);
    if (isThere) box.do("delete");
    expect(box.leftovers()).toEqual([]);
  });

  shows("runtime.md#lifecycle", "any operations at once work or say why not", async () => {
    const box = container();
    box.probe("--quiet", "--wait");
    const random = new Random(seed);
    const drawn = Array.from({ length: processes * rounds }, () =>
      random.oneOf<Operation>(operations),
    );

    const faults = await race(box, (process, round) => {
      const operation = drawn[process * rounds + round];
      return operation === undefined ? [] : [operation];
    });

    // The seed, so that TSOCI_TEST_SEED draws the same ones again.
    expect({ seed, faults }).toEqual({ seed, faults: [] });
    box.do("delete", ["--force"]);
    expect(cgroupDirs(box.cgroupPath).flatMap((dir) => pidsIn(dir))).toEqual([]);
    expect(box.leftovers()).toEqual([]);
  });
});
