import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programPath, repositoryDir, runtimePath, toolDir } from "./environment";
import { makeCgroupParent } from "./host";
import { snapshotHost } from "./leaks";

/** Builds the probe, and makes the directory and the cgroup that everything of the tests is below. */
export default function setUp(): void {
  if (!existsSync(runtimePath)) throw new Error(`no runtime to test at "${runtimePath}"`);
  const build = join(repositoryDir, "conformance-tests/probe/build.sh");
  execFileSync(build, [toolDir], { stdio: ["ignore", "inherit", "inherit"] });

  const scratch = mkdtempSync(join(tmpdir(), "tsoci-test-"));
  chmodSync(scratch, 0o755);
  process.env.TSOCI_TEST_SCRATCH = scratch;
  mkdirSync(join(scratch, "programs"));
  copyFileSync(join(toolDir, "probe"), programPath("probe"));
  if (existsSync("/bin/busybox")) copyFileSync("/bin/busybox", programPath("busybox"));
  if (process.getuid?.() === 0) makeCgroupParent();
  writeFileSync(join(scratch, "before.json"), JSON.stringify(snapshotHost()));
}
