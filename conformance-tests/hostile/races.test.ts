import { type Background, useBackground } from "../support/background";
import { processOf } from "../support/config";
import { parseReport } from "../support/container";
import { isTsoci, patience, programPath } from "../support/environment";
import { isThorough, tellFigure } from "../support/figures.mjs";
import { probeHook } from "../support/hook";
import { isAlive, readMounts } from "../support/host";
import { Outside } from "../support/outside";
import type { Outcome } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { doors, type Race, races, shareVolume } from "./races";

jest.setTimeout(300_000 * patience);

/** Of each race. A slow machine leaves the attacker as much time in fewer rounds. */
const rounds = Math.max(6, Math.round((isThorough ? 150 : 25) / patience));

rootSuite("hostile: names that change while containers are created", () => {
  const container = useContainers();
  const { start } = useBackground();
  const total = { rounds: 0, lost: 0 };

  /** Creates containers while somebody exchanges two names. What was lost by it, a line each. */
  async function hold(race: Race): Promise<{ losses: string[]; ran: number }> {
    const box = container((config) => {
      config.root = { path: "rootfs" };
    });
    const outside = new Outside(box);
    const [one, other] = race.lay(box, outside);
    outside.takeAsIs();
    const swap = probeHook("createContainer", "--quiet", "--swap", one, other);
    box.config.hooks = { createContainer: [outside.hook(), ...(race.inHook ? [swap] : [])] };
    processOf(box.config).args = ["/probe", ...doors];
    box.writeConfig();
    const exchange = ["--quiet", "--exchange", one, other];
    const attacker = race.inHook ? undefined : start(programPath("probe"), exchange);

    const losses: string[] = [];
    let ran = 0;
    let round = 0;
    // It is a race only if containers come about, which a few rounds may miss.
    for (; round < rounds || (ran === 0 && round < 20 * rounds); round += 1) {
      const outcome = box.attempt("run", [], { through: race.through ?? [], timeoutMs: 10_000 });
      if (outcome.status === 0) ran += 1;
      const onHost = readMounts().filter(({ target }) => target.startsWith(box.dir));
      const lost = [
        ...outside.harm(outcome),
        ...wrongEnd(race, outcome),
        ...onHost.map(({ target }) => `mounted on the host: ${target}`),
      ];
      if (lost.length > 0) {
        losses.push(`round ${round}: ${lost.join("; ")}`);
        outside.restore();
      }
    }
    total.rounds += round;
    total.lost += losses.length;

    if (attacker !== undefined) await endAttacker(attacker);
    return { losses, ran };
  }

  for (const [what, race] of Object.entries(races)) {
    shows(race.advisory, `a race for ${what} is not lost`, async () => {
      const { losses, ran } = await hold(race);

      expect(losses).toEqual([]);
      expect(ran).toBeGreaterThan(0);
    });
  }

  shows("CVE-2024-21626", "a race for the directory of a further process is not lost", async () => {
    const box = container();
    const outside = new Outside(box);
    const pair = shareVolume(box, outside);
    box.runWaiting();
    const attacker = start(programPath("probe"), ["--quiet", "--exchange", ...pair]);

    const losses: string[] = [];
    let ran = 0;
    for (let round = 0; round < rounds; round += 1) {
      const outcome = box.attemptExec(["/probe", ...doors], ["--cwd", "/vol/x/below"]);
      const isIn = outcome.status !== 0 || parseReport(outcome.stdout).cwd.startsWith("/");
      if (outcome.status === 0) ran += 1;
      losses.push(...outside.harm(outcome), ...(isIn ? [] : [outcome.stdout]));
    }
    total.rounds += rounds;
    total.lost += losses.length;

    await endAttacker(attacker);
    expect(losses).toEqual([]);
    expect(ran).toBeGreaterThan(0);
    expect(box.state().status).toBe("running");
  });

  afterAll(() => {
    tellFigure("hostile", "rounds of races for names", total.rounds);
    tellFigure("hostile", "rounds lost", total.lost);
  });
});

/** It has raced to the end, and is gone before its directories are removed. */
async function endAttacker(attacker: Background): Promise<void> {
  expect(isAlive(attacker.pid)).toBe(true);
  attacker.kill("SIGKILL");
  await attacker.end();
}

/** A container as it was asked for, or one line that says why there is none. */
function wrongEnd({ isRight = () => true }: Race, outcome: Outcome): string[] {
  if (outcome.timedOut) return ["it hangs"];
  if (outcome.status === 0) return isRight(parseReport(outcome.stdout)) ? [] : [outcome.stdout];
  const lines = outcome.stderr.split("\n").filter((line) => line.startsWith("tsoci: "));
  return outcome.status === 1 && (!isTsoci || lines.length <= 1) ? [] : [outcome.stderr];
}
