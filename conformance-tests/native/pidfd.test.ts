import { spawnSync } from "node:child_process";
import { loadAddon } from "../../src/addon/addon";
import { openPidfdIf } from "../../src/host/pidfds";
import { killIfAlive } from "../support/host";

test("a process that has gone has no pidfd, also when its pid still names a session", () => {
  const script = "echo $$; sleep 60 >/dev/null 2>&1 & echo $!";
  const { stdout } = spawnSync("setsid", ["--wait", "sh", "-c", script], { encoding: "utf8" });
  const [gone = 0, left = 0] = stdout.split("\n").map(Number);

  try {
    expect(openPidfdIf(loadAddon(), gone, () => true)).toBeUndefined();
  } finally {
    killIfAlive(left);
  }
});
