import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCodes } from "./codes";

const page = readFileSync(join(__dirname, "../../docs/errors.md"), "utf8");
const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (.+) \|$/gm)].map((row) => row.slice(1));

test("docs/errors.md has every code, with its exit status and meaning, and no other", () => {
  const expected = Object.entries(errorCodes).map(([code, { meaning, exitCode }]) => [
    code,
    String(exitCode),
    meaning,
  ]);

  expect(rows).toEqual(expected);
});

test("a meaning is a part of a sentence: lower case, without a full stop", () => {
  for (const { meaning } of Object.values(errorCodes)) expect(meaning).toMatch(/^[a-z].*[^.]$/);
});
