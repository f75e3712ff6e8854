import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, processOf } from "../support/config";
import type { Container } from "../support/container";
import { hierarchies, pidsIn } from "../support/host";
import { callRuntime, describeOutcome, expectRefusal, type Outcome } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

const mebibyte = 1024 * 1024;
const slice = "tsocitest-units.slice";
const sliceDir = "/tsocitest.slice/tsocitest-units.slice";

const unitOf = (box: Container) => `tsoci-${box.id}.scope`;

function propertyOf(unit: string, name: string): string {
  const args = ["show", unit, "--property", name, "--value"];
  return execFileSync("systemctl", args, { encoding: "utf8" }).trim();
}

const isLoaded = (unit: string) => propertyOf(unit, "LoadState") === "loaded";

/** The directory that systemd itself watches. */
function directoryOf(box: Container): string {
  const own =
    hierarchies().find(({ controllers }) => controllers.includes("name=systemd")) ??
    hierarchies().find(({ version }) => version === 2);
  return join(own?.mountPoint ?? "", sliceDir, unitOf(box));
}

/** What a file of the container's cgroup holds, by its controller and its names in v1 and v2. */
function limitOf(box: Container, controller: string, v1: string, v2: string): string {
  const legacy = hierarchies().find(({ controllers }) => controllers.includes(controller));
  const unified = hierarchies().find(({ version }) => version === 2);
  const top = (legacy ?? unified)?.mountPoint ?? "";
  return readFileSync(join(top, sliceDir, unitOf(box), legacy ? v1 : v2), "utf8").trim();
}

rootSuite("systemd: units", () => {
  const container = useContainers();
  const needs = ["systemd"] as const;

  function sleeper(edit: (config: Config, box: Container) => void = () => {}): Container {
    const box = container((config, made) => {
      config.linux.cgroupsPath = `${slice}:tsoci:${made.id}`;
      processOf(config).args = ["/bin/sleep", "1000"];
      edit(config, made);
    });
    box.addBusybox();
    return box;
  }

  const call = (box: Container, command: string, ...flags: readonly string[]): Outcome =>
    callRuntime(["--systemd-cgroup", "--root", box.stateRoot, command, ...flags, box.id]);

  const attempt = (box: Container) => call(box, "create", "--bundle", box.bundleDir);

  function create(box: Container): void {
    const outcome = attempt(box);
    if (outcome.status !== 0) throw new Error(describeOutcome(["create"], outcome));
  }

  shows(
    "ours",
    "a container is alone in a scope that is delegated to it, in the slice that the config names",
    () => {
      const box = sleeper();

      create(box);

      const { pid } = box.state();
      expect(pidsIn(directoryOf(box))).toEqual([pid]);
      expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toContain(`${sliceDir}/${unitOf(box)}`);
      expect(propertyOf(unitOf(box), "Slice")).toBe(slice);
      expect(propertyOf(unitOf(box), "Delegate")).toBe("yes");
      expect(propertyOf(unitOf(box), "Description")).toBe(`tsoci container ${box.id}`);
    },
    needs,
  );

  shows(
    "ours",
    "limits are exact, systemd knows them, and keeps them when it reads its configuration again",
    () => {
      const box = sleeper((config) => {
        config.linux.resources = {
          devices: [{ allow: true, type: "c", major: 10, minor: 229, access: "rw" }],
          memory: { limit: 64 * mebibyte },
          cpu: { shares: 512, quota: 33_000, period: 100_000 },
          pids: { limit: 7 },
        };
      });

      create(box);

      expect(propertyOf(unitOf(box), "TasksMax")).toBe("7");
      expect(propertyOf(unitOf(box), "CPUQuotaPerSecUSec")).toBe("330ms");
      expect(propertyOf(unitOf(box), "DevicePolicy")).toBe("strict");
      expect(propertyOf(unitOf(box), "DeviceAllow")).toContain("/dev/char/10:229 rw");
      execFileSync("systemctl", ["daemon-reload"]);
      const limits = [
        limitOf(box, "memory", "memory.limit_in_bytes", "memory.max"),
        limitOf(box, "pids", "pids.max", "pids.max"),
        limitOf(box, "cpu", "cpu.cfs_quota_us", "cpu.max").split(" ")[0],
      ];
      expect(limits).toEqual([String(64 * mebibyte), "7", "33000"]);
    },
    needs,
  );

  shows(
    "ours",
    "limits that were updated are exact, systemd knows them, and the others are as they were",
    () => {
      const box = sleeper((config) => {
        config.linux.resources = {
          memory: { limit: 64 * mebibyte },
          cpu: { quota: 33_333, period: 100_000 },
          pids: { limit: 7 },
        };
      });
      create(box);
      const limits = () => [
        limitOf(box, "memory", "memory.limit_in_bytes", "memory.max"),
        limitOf(box, "pids", "pids.max", "pids.max"),
        limitOf(box, "cpu", "cpu.cfs_quota_us", "cpu.max").split(" ")[0],
      ];

      expect(call(box, "update", "--pids-limit=9")).toMatchObject({ status: 0, stderr: "" });
      expect(limits()).toEqual([String(64 * mebibyte), "9", "33333"]);
      expect(call(box, "update", "--memory=32M", "--cpu-quota=20000")).toMatchObject({ status: 0 });

      expect(propertyOf(unitOf(box), "TasksMax")).toBe("9");
      expect(propertyOf(unitOf(box), "CPUQuotaPerSecUSec")).toBe("200ms");
      execFileSync("systemctl", ["daemon-reload"]);
      expect(limits()).toEqual([String(32 * mebibyte), "9", "20000"]);
    },
    needs,
  );

  shows(
    "ours",
    "delete leaves no unit and no cgroup",
    () => {
      const box = sleeper();
      create(box);
      const directory = directoryOf(box);
      box.do("start");

      call(box, "kill", "--", "KILL");
      expect(call(box, "delete", "--force")).toMatchObject({ status: 0, stderr: "" });

      expect(isLoaded(unitOf(box))).toBe(false);
      expect(existsSync(directory)).toBe(false);
    },
    needs,
  );

  shows(
    "ours",
    "a create that fails leaves no unit",
    () => {
      const box = sleeper((config) => {
        config.hooks = { createRuntime: [{ path: "/bin/false" }] };
      });

      expectRefusal(attempt(box), "createRuntime");

      expect(isLoaded(unitOf(box))).toBe(false);
      expect(box.leftovers()).toEqual([]);
    },
    needs,
  );

  shows(
    "ours",
    "delete --force finishes what a create that was killed has left, without --systemd-cgroup too",
    () => {
      const box = sleeper((config, made) => {
        const path = made.script("kill-driver", "kill -KILL $PPID");
        config.hooks = { createRuntime: [{ path }] };
      });
      expect(attempt(box).status).toBe(-1);

      box.do("delete", ["--force"]);

      waitFor("the unit to be gone", () => !isLoaded(unitOf(box)));
      expect(box.leftovers()).toEqual([]);
    },
    needs,
  );

  shows(
    "ours",
    "a unit of the same name is not touched",
    () => {
      const first = sleeper();
      const second = sleeper((config) => {
        config.linux.cgroupsPath = `${slice}:tsoci:${first.id}`;
      });
      create(first);

      expectRefusal(attempt(second), `start the unit "${unitOf(first)}"`);

      expect(propertyOf(unitOf(first), "ActiveState")).toBe("active");
      expect(first.state().status).toBe("created");
    },
    needs,
  );

  shows(
    "ours",
    "a unit of the same name that has failed is no hindrance",
    () => {
      const box = sleeper();
      // Its time is short, and systemd remembers that it ran out.
      const scope = ["--scope", `--unit=${unitOf(box)}`, "--property=RuntimeMaxSec=100ms"];
      spawnSync("systemd-run", [...scope, "sleep", "1000"], { timeout: 20_000 });
      waitFor("the other to have failed", () => {
        return propertyOf(unitOf(box), "ActiveState") === "failed";
      });

      create(box);

      expect(pidsIn(directoryOf(box))).toEqual([box.state().pid]);
    },
    needs,
  );

  shows(
    "ours",
    "a name that is a slice's is the container's unit, and needs no scope",
    () => {
      const name = "tsocitest-units-own.slice";
      const box = sleeper((config) => {
        config.linux.cgroupsPath = `${slice}:tsoci:${name}`;
      });

      create(box);

      const { pid } = box.state();
      expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toContain(`${sliceDir}/${name}\n`);
      expect(propertyOf(name, "Wants")).toBe(slice);
      call(box, "delete", "--force");
      expect(propertyOf(name, "ActiveState")).toBe("inactive");
    },
    needs,
  );

  shows(
    "ours",
    "run leaves no unit when its program ends",
    () => {
      const box = sleeper((config) => {
        processOf(config).args = ["/bin/sh", "-c", "exit 7"];
      });

      expect(call(box, "run", "--bundle", box.bundleDir)).toMatchObject({ status: 7, stderr: "" });

      expect(isLoaded(unitOf(box))).toBe(false);
    },
    needs,
  );

  shows(
    "ours",
    "annotations set properties of the unit",
    () => {
      const box = sleeper((config) => {
        config.annotations = {
          "org.systemd.property.TimeoutStopSec": "uint64 45",
          "org.systemd.property.CollectMode": "'inactive'",
        };
      });

      create(box);

      expect(propertyOf(unitOf(box), "TimeoutStopUSec")).toBe("45s");
      expect(propertyOf(unitOf(box), "CollectMode")).toBe("inactive");
    },
    needs,
  );

  shows("ours", "a cgroupsPath that names no unit is refused", () => {
    const box = sleeper((config) => {
      config.linux.cgroupsPath = "/a/b";
    });

    expectRefusal(
      attempt(box),
      'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "/a/b"',
    );
    expect(box.leftovers()).toEqual([]);
  });

  shows("ours", "an annotation that is no value is refused by its name", () => {
    const box = sleeper((config) => {
      config.annotations = { "org.systemd.property.CollectMode": "inactive" };
    });

    expectRefusal(attempt(box), 'annotation "org.systemd.property.CollectMode" is "inactive"');
  });
});
