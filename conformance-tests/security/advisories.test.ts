import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryDir } from "../support/environment";
import { tellFigure } from "../support/figures.mjs";
import advisories from "./advisories.json";

const shown = Object.keys(advisories.shown);
const sameRule = Object.entries(advisories.sameRule);
const notApplicable = Object.entries(advisories.notApplicable);
const all = [...shown, ...[...sameRule, ...notApplicable].map(([id]) => id)];

/** The advisories that tests name as what they show: a string of its own, which no sentence is. */
function advisoriesOfTests(): Set<string> {
  const dir = join(repositoryDir, "conformance-tests");
  const sources = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const found = sources.flatMap((name) => [
    ...readFileSync(join(dir, name), "utf8").matchAll(/"(CVE-\d{4}-\d+|GHSA(?:-\w{4}){3})"/g),
  ]);
  return new Set(found.map(([, id]) => String(id)));
}

describe("the index of advisories", () => {
  test("tests show each advisory that it says is shown", () => {
    const named = advisoriesOfTests();

    expect(shown.filter((id) => !named.has(id))).toEqual([]);
  });

  test("it holds each advisory that a test shows", () => {
    const named = [...advisoriesOfTests()];

    expect(named.filter((id) => !shown.includes(id))).toEqual([]);
  });

  test("an advisory that leaves the same rule as another leaves that of one that is shown", () => {
    expect(sameRule.filter(([, other]) => !shown.includes(other))).toEqual([]);
  });

  test("each advisory is there once, and one that does not apply with its reason", () => {
    expect(new Set(all).size).toBe(all.length);
    for (const [id, reason] of notApplicable)
      expect({ id, reason }).toEqual({ id, reason: expect.stringMatching(/^[A-Z].{30,}\.$/) });
  });

  afterAll(() => {
    tellFigure("hostile", "advisories covered by tests", shown.length + sameRule.length);
    tellFigure("hostile", "advisories that do not apply", notApplicable.length);
  });
});
