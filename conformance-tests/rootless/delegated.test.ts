import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { type Config, processOf } from "../support/config";
import type { Container } from "../support/container";
import { countForEver, expectFreezing } from "../support/freezing";
import { cgroupOf, pidsIn, statusField, unifiedDir } from "../support/host";
import type { Need } from "../support/needs";
import { unprivileged } from "../support/ordinary-user";
import { mustCall } from "../support/runtime";
import { shows, userSuite } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

const mebibyte = 1024 * 1024;
const { uid, gid, username } = userInfo();

const unitOf = (box: Container) => `tsoci-${box.id}.scope`;

function propertyOf(unit: string, name: string): string {
  const args = ["--user", "show", unit, "--property", name, "--value"];
  return execFileSync("systemctl", args, { encoding: "utf8" }).trim();
}

interface Way {
  readonly needs: readonly Need[];
  readonly globals: readonly string[];
  /** Where a container is, from the top of the hierarchy. */
  readonly place: (box: Container) => string;
}

/** How an ordinary user comes by cgroups. */
const ways: Record<string, Way> = {
  "beside the caller's": {
    needs: ["a delegated cgroup"],
    globals: [],
    place: ({ id }) => join(dirname(cgroupOf(process.pid)), id),
  },
  "of the user's systemd": {
    needs: ["a delegated cgroup", "the user's systemd"],
    globals: ["--systemd-cgroup"],
    place: (box) => join(propertyOf("user.slice", "ControlGroup"), unitOf(box)),
  },
};

userSuite("rootless: an ordinary user's cgroups", () => {
  const container = useContainers();

  function userContainer(
    globals: readonly string[],
    line: string,
    resources: Record<string, unknown> = {},
  ): Container {
    const box = container((config) => {
      unprivileged(config, { uid, gid });
      config.linux.resources = resources;
      processOf(config).args = ["/bin/sh", "-c", line];
    });
    box.globals.push(...globals);
    box.addBusybox();
    return box;
  }

  shows("ours", "what spec --rootless writes runs, and root in it is the user", () => {
    const box = userContainer([], "");
    const file = join(box.bundleDir, "config.json");
    rmSync(file);
    mustCall(["spec", "--rootless", "--bundle", box.bundleDir]);
    const config = JSON.parse(readFileSync(file, "utf8")) as Config;
    processOf(config).terminal = false;
    processOf(config).args = ["sh", "-c", "id -u; cat /proc/self/uid_map"];
    box.writeConfig(JSON.stringify(config));

    const { stdout } = box.do("run");

    expect(stdout.split(/\s+/).filter(Boolean)).toEqual(["0", "0", String(uid), "1"]);
  });

  for (const [whose, { needs, globals, place }] of Object.entries(ways)) {
    shows(
      "config-linux.md#control-groups",
      `a cgroup ${whose} is the container's own, with its limits, and goes with it`,
      () => {
        const box = userContainer(globals, "sleep 1000", {
          memory: { limit: 64 * mebibyte },
          cpu: { quota: 33_000, period: 100_000 },
          pids: { limit: 7 },
        });

        box.do("create");

        const { pid, owner } = box.state();
        const dir = unifiedDir(place(box));
        expect({ uid: statusField(pid, "Uid").split("\t")[0], owner }).toEqual({
          uid: String(uid),
          owner: username,
        });
        expect(pidsIn(dir)).toEqual([pid]);
        const limits = ["memory.max", "cpu.max", "pids.max"].map((name) =>
          readFileSync(join(dir, name), "utf8").trim(),
        );
        expect(limits).toEqual([String(64 * mebibyte), "33000 100000", "7"]);
        box.do("start");
        box.kill("KILL");
        box.waitUntilStopped();
        expect(box.do("delete").stderr).toBe("");
        expect(existsSync(dir)).toBe(false);
      },
      needs,
    );

    shows(
      "config-linux.md#pids",
      `a fork beyond the limit of a cgroup ${whose} fails`,
      () => {
        const line = "i=0; while [ $i -lt 9 ]; do sleep 9 & i=$((i+1)); done; echo not reached";
        const box = userContainer(globals, line, { pids: { limit: 4 } });

        const outcome = box.attempt("run");

        expect(outcome.stdout).not.toContain("not reached");
        expect(outcome.stderr).toMatch(/can't fork/);
      },
      needs,
    );

    shows(
      "config-linux.md#memory",
      `who takes more memory than a cgroup ${whose} allows is killed`,
      () => {
        const limit = 16 * mebibyte;
        const line = "/bin/busybox dd if=/dev/zero of=/dev/null bs=64M count=1; echo $?";
        const box = userContainer(globals, line, { memory: { limit, swap: limit } });

        box.do("create");
        box.do("start");
        box.waitUntilStopped();

        expect(box.output()).toBe("137\n");
      },
      needs,
    );

    shows(
      "peers",
      `a cgroup ${whose} is frozen and thawed by the user`,
      () => {
        const box = userContainer(globals, "");
        const counts = countForEver(box);
        box.do("create");
        box.do("start");

        expectFreezing(box, counts, place(box));
      },
      needs,
    );
  }

  shows(
    "ours",
    "the user's systemd knows the limits, keeps them when it reads its configuration again, and forgets the unit",
    () => {
      const box = userContainer(["--systemd-cgroup"], "sleep 1000", {
        memory: { limit: 64 * mebibyte },
        pids: { limit: 7 },
      });

      box.do("create");

      const unit = unitOf(box);
      const dir = unifiedDir(propertyOf(unit, "ControlGroup"));
      expect(basename(dir)).toBe(unit);
      expect(propertyOf(unit, "Slice")).toBe("user.slice");
      expect(propertyOf(unit, "Delegate")).toBe("yes");
      expect(propertyOf(unit, "MemoryMax")).toBe(String(64 * mebibyte));
      expect(propertyOf(unit, "TasksMax")).toBe("7");
      execFileSync("systemctl", ["--user", "daemon-reload"]);
      expect(readFileSync(join(dir, "memory.max"), "utf8")).toBe(`${64 * mebibyte}\n`);
      expect(readFileSync(join(dir, "pids.max"), "utf8")).toBe("7\n");
      box.do("delete", ["--force"]);
      waitFor("the unit to be gone", () => propertyOf(unit, "LoadState") !== "loaded");
    },
    ["the user's systemd"],
  );
});
