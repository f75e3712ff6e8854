import { isThorough, tellFigure } from "../support/figures.mjs";
import { shows } from "../support/shows";
import { type Aim, type Point, type Role, roles } from "./control";
import { buildFaults, faultSuite, Subjects, seed } from "./subjects";
import { type Scenario, Sweep, targets, type Verdict } from "./sweep";

jest.setTimeout(30 * 60_000);

const names = [
  "create",
  "start",
  "delete",
  "delete --force",
  "exec",
  "exec --detach",
  "kill",
  "kill --all",
  "update",
  "create in other namespaces",
  "start in other namespaces",
  "exec in other namespaces",
  "exec --detach in other namespaces",
];

/** Figures of the whole run, by their names. */
const sums = new Map<string, number>();
const add = (name: string, count: number) => sums.set(name, (sums.get(name) ?? 0) + count);

/** A verdict that is none of failure, as one line for a person. */
const complain = ({ place }: Verdict, aim: Aim, complaints: readonly string[]) =>
  `call ${aim.target} of the ${aim.role}, way ${aim.way ?? 0}, seed ${seed}: ${place}: ${complaints.join("; ")}`;

faultSuite("faults: each call of an operation fails, one at a time", () => {
  let subjects: Subjects;
  const lists = new Map<string, Point[]>();

  beforeAll(() => {
    buildFaults();
    subjects = new Subjects();
  });

  afterAll(() => {
    subjects.close();
    for (const [name, count] of sums) tellFigure("faults", name, count);
  });

  function scenarioOf(name: string): Scenario {
    const found = subjects.scenarios.find((scenario) => scenario.name === name);
    if (found === undefined) throw new Error(`there is no scenario "${name}"`);
    return found;
  }

  /** Every fault that `aimsOf` makes of a call, and a line for whatever went wrong after one. */
  function sweep(
    name: string,
    swept: readonly Role[],
    aimsOf: (role: Role, target: number, point: Point | undefined) => Aim[],
    count: (verdict: Verdict) => void,
  ): string[] {
    const one = new Sweep(scenarioOf(name));
    try {
      const points = lists.get(name) ?? one.list();
      lists.set(name, points);
      const aims = swept.flatMap((role) => {
        const own = points.filter((point) => point.role === role);
        return targets(points, role, seed).flatMap((target) =>
          aimsOf(role, target, own[target - 1]),
        );
      });
      return aims.flatMap((aim) => {
        const verdict = one.strike(aim);
        if (verdict === undefined) return [];
        count(verdict);
        const { complaints } = verdict;
        return complaints.length === 0 ? [] : [complain(verdict, aim, complaints)];
      });
    } finally {
      one.close();
    }
  }

  function failAll(name: string): string[] {
    const aimsOf = (role: Role, target: number, point: Point | undefined): Aim[] => {
      const ways = [...Array(point?.ways ?? 1).keys()];
      const chosen = isThorough ? ways : ways.filter((way) => way === target % ways.length);
      return chosen.map((way) => ({ role, target, action: "fail", way }));
    };
    const wrong = sweep(name, roles, aimsOf, ({ isSurvived }) => {
      add("calls that failed", 1);
      if (isSurvived) add("failed calls that were survived", 1);
    });
    for (const role of roles) {
      const count = (lists.get(name) ?? []).filter((point) => point.role === role).length;
      tellFigure("faults", `${figureOf[role]} of ${name}`, count);
    }
    return wrong;
  }

  const killAll = (name: string, swept: readonly Role[], figure: string): string[] =>
    sweep(
      name,
      swept,
      (role, target) => [{ role, target, action: "kill" }],
      () => add(figure, 1),
    );

  for (const name of names) {
    shows(
      "ours",
      `${name}: whatever call fails, it says so, or does without, and leaves nothing`,
      () => {
        expect(failAll(name)).toEqual([]);
      },
    );

    shows("ours", `${name}: wherever the driver is killed, delete --force finishes it`, () => {
      expect(killAll(name, ["host call", "driver"], "kills of the driver")).toEqual([]);
    });

    shows(
      "ours",
      `${name}: wherever init is killed, the driver says so, and nothing is left`,
      () => {
        expect(killAll(name, ["init"], "kills of init")).toEqual([]);
      },
    );
  }
});

const figureOf: Readonly<Record<Role, string>> = {
  "host call": "host calls",
  driver: "system calls of the driver",
  init: "system calls of init",
};
