import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isTsoci } from "./environment";
import { removeCgroupParent } from "./host";
import { type HostSnapshot, waitForNoLeaks } from "./leaks";

/** Fails the whole run when anything of a test is left on the host. */
export default function tearDown(): void {
  const scratch = process.env.TSOCI_TEST_SCRATCH;
  if (scratch === undefined) return;
  const before = JSON.parse(readFileSync(join(scratch, "before.json"), "utf8")) as HostSnapshot;
  const leaks = waitForNoLeaks(before, scratch);
  try {
    if (process.getuid?.() === 0) removeCgroupParent();
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  if (isTsoci && leaks.length > 0)
    throw new Error(`the tests left this behind:\n${leaks.join("\n")}`);
}
