import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { processOf } from "../support/config";
import { type Container, parseReport } from "../support/container";
import { isTsoci } from "../support/environment";
import { tellFigure } from "../support/figures.mjs";
import { Outside } from "../support/outside";
import { describeOutcome, type Outcome } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { type Place, places } from "./places";
import { things } from "./things";

/** Where a program looks for the host, of a place that may lead there. */
const doors = (path: string) => [
  path,
  `${path}/canary`,
  `${path}/../canary`,
  "canary",
  "../canary",
];

rootSuite("hostile: what an image lays where the runtime goes", () => {
  const container = useContainers();
  let tried = 0;

  /** Runs a container of an image that has one thing in one place; what is wrong with that, a line each. */
  function run(place: Place, lay: (typeof things)[string]): string[] {
    const box = container((config) => {
      config.root = { path: "rootfs" };
    });
    const outside = new Outside(box);
    const path = join(box.rootfsDir, place.path);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(dirname(path), { recursive: true });
    lay(path, outside);
    box.config.hooks = { createContainer: [outside.hook()] };
    processOf(box.config).args = [
      "/probe",
      ...doors(place.path).flatMap((door) => ["--read", door]),
    ];
    place.ask(box);
    box.writeConfig();
    tried += 1;

    const outcome = box.attempt("run", [], { through: place.through ?? [], timeoutMs: 10_000 });

    const right = outcome.status !== 0 || (place.isRight?.(parseReport(outcome.stdout)) ?? true);
    return [
      ...outside.harm(outcome),
      ...wrongEnd(outcome),
      ...(right ? [] : [`no right container: ${outcome.stdout}`]),
      ...left(box),
    ];
  }

  for (const [what, place] of Object.entries(places)) {
    shows("security", `whatever an image has for ${what}, the host is not touched`, () => {
      const wrong = Object.entries(things).flatMap(([thing, lay]) =>
        run(place, lay).map((line) => `${thing}: ${line}`),
      );

      expect(wrong).toEqual([]);
    });
  }

  afterAll(() => tellFigure("hostile", "layouts of a hostile rootfs tried", tried));
});

/** A container, or one line that says why there is none. */
function wrongEnd(outcome: Outcome): string[] {
  if (outcome.timedOut) return ["it hangs"];
  if (outcome.status === 0) return [];
  const lines = outcome.stderr
    .trimEnd()
    .split("\n")
    .filter((line) => !line.includes("level=warning"));
  if (outcome.status === 1 && (!isTsoci || lines.length === 1)) return [];
  return [describeOutcome(["run"], outcome)];
}

function left(box: Container): string[] {
  return isTsoci ? box.leftovers().map((path) => `left behind: ${path}`) : [];
}
