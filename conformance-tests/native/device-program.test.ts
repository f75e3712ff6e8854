import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { loadAddon } from "../../src/addon/addon";
import { assembleDeviceProgram } from "../../src/cgroups/device-program";
import { listDeviceRules } from "../../src/cgroups/device-rules";
import type { DeviceRule } from "../../src/generated/config";
import { scratchDir } from "../support/environment";
import { cgroupParent, hierarchies } from "../support/host";
import { rootSuite, shows } from "../support/shows";

const clause = "config-linux.md#allowed-device-list";
const needs = ["cgroup v2"] as const;
const denyEverything: DeviceRule = { allow: false, access: "rwm" };

/** Runs the script in a new cgroup v2 under the rules, each list in place of the one before. */
function runUnder(lists: readonly (readonly DeviceRule[])[], script: string): string {
  const mountPoint = hierarchies().find(({ version }) => version === 2)?.mountPoint ?? "";
  const dir = join(mountPoint, cgroupParent(), "device-program");
  mkdirSync(dir, { recursive: true });
  const cgroupFd = openSync(dir, constants.O_DIRECTORY);
  try {
    for (const rules of lists) {
      const instructions = assembleDeviceProgram(listDeviceRules(rules));
      loadAddon().attachDeviceProgram({ cgroupFd, instructions });
    }
    const enter = `echo $$ >"${dir}/cgroup.procs" && cd "${scratchDir()}" && ${script}`;
    const { stdout } = spawnSync("sh", ["-c", enter], { encoding: "utf8" });
    return stdout;
  } finally {
    closeSync(cgroupFd);
    rmdirSync(dir);
  }
}

/** What can be done with /dev/kmsg, which no container gets by itself. */
const tryKmsg = [
  "(exec 3</dev/kmsg) 2>/dev/null && echo read",
  "(exec 3>/dev/kmsg) 2>/dev/null && echo write",
  "(exec 3<>/dev/kmsg) 2>/dev/null && echo both",
  "true",
].join("; ");

rootSuite("native: device program", () => {
  afterEach(() => rmSync(join(scratchDir(), "node"), { force: true }));

  shows(
    clause,
    "the kernel takes the program, and it denies what no rule allows",
    () => {
      const made =
        "cat /dev/null && echo null; mknod node b 8 0 && echo made; head -c1 node 2>/dev/null";

      expect(runUnder([[denyEverything]], `${made}; ${tryKmsg}`)).toBe("null\nmade\n");
    },
    needs,
  );

  shows(
    clause,
    "the last rule decides, for each access by itself",
    () => {
      const kmsg = { type: "c", major: 1, minor: 11 } as const;
      const rules: DeviceRule[] = [
        denyEverything,
        { ...kmsg, allow: true, access: "rw" },
        { ...kmsg, allow: false, access: "w" },
      ];

      expect(runUnder([rules], tryKmsg)).toBe("read\n");
    },
    needs,
  );

  shows(
    clause,
    "new rules take the place of the old ones",
    () => {
      const everything: DeviceRule = { allow: true, access: "rwm" };

      // A program that stayed attached would go on denying.
      expect(runUnder([[denyEverything], [everything]], tryKmsg)).toBe("read\nwrite\nboth\n");
    },
    needs,
  );

  shows(
    clause,
    "a thousand rules are no burden to the verifier",
    () => {
      const rules = Array.from({ length: 1000 }, (_, index): DeviceRule => {
        return { allow: index % 2 === 0, type: "c", major: index, minor: index, access: "rw" };
      });

      expect(runUnder([[denyEverything, ...rules]], tryKmsg)).toBe("");
    },
    needs,
  );
});
