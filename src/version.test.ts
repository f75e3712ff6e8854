import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "./version";

test("the version is package.json's", () => {
  const manifest = JSON.parse(readFileSync(join(__dirname, "../package.json"), "utf8"));

  expect(build.version).toBe(manifest.version);
});
