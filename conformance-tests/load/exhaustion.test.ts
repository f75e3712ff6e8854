import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { useBackground } from "../support/background";
import { withoutNamespace } from "../support/config";
import type { Container } from "../support/container";
import { patience, runtimePath } from "../support/environment";
import { isThorough, tellFigure } from "../support/figures.mjs";
import { cgroupDir, cgroupParent, makeCgroups, removeCgroups } from "../support/host";
import { callRuntime, expectRefusal, type Outcome } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { countHangs, faultOf, hangOf } from "./calls";
import { within, worldOf } from "./worlds";

jest.setTimeout((isThorough ? 300_000 : 60_000) * patience);

rootSuite("what runs out", () => {
  const container = useContainers();
  const { start } = useBackground();

  countHangs();

  /** A container whose limits are those of the caller: a lower one could not be raised. */
  function waiting(): Container {
    const box = container((config) => {
      if (config.process !== undefined) config.process.rlimits = [];
    });
    box.probe("--quiet", "--wait");
    return box;
  }

  /**
   * Creates with ever more of something until it works; returns what was wrong with any attempt, and with how
   * much it worked. What is there must have been taken back each time, and be cleared up in the end.
   */
  function untilItWorks(
    box: Container,
    amounts: readonly number[],
    throughOf: (amount: number) => readonly string[],
    faultOfOutcome: (outcome: Outcome) => string | undefined = faultOf,
  ): { faults: string[]; worked: number | undefined } {
    const faults: string[] = [];
    let tried = 0;
    const worked = amounts.find((amount) => {
      const outcome = box.attempt("create", [], { through: throughOf(amount) });
      tried += 1;
      const fault = faultOfOutcome(outcome);
      if (fault !== undefined) faults.push(`${amount}: ${fault}`);
      if (outcome.status >= 0 && box.leftovers().length > 0 !== (outcome.status === 0)) {
        faults.push(`${amount}: ended with ${outcome.status}, and there is ${box.leftovers()}`);
      }
      const cleared = box.attempt("delete", ["--force"]);
      if (cleared.status !== 0) faults.push(`${amount}: delete --force: ${cleared.stderr}`);
      if (outcome.status === 0) expect(box.leftovers()).toEqual([]);
      return outcome.status === 0;
    });
    tellFigure(
      "load",
      "amounts of a resource that were too little, and one that was enough",
      tried,
    );
    tellFigure("load", "resources exhausted", 1);
    return { faults, worked };
  }

  const upTo = (last: number, step = 1) =>
    Array.from({ length: Math.floor(last / step) }, (_, index) => (index + 1) * step);

  shows("ours", "too few descriptors are named, and 64 are enough", () => {
    const amounts = [...upTo(isThorough ? 63 : 20).filter((amount) => amount >= 5), 64];
    const { faults, worked } = untilItWorks(waiting(), amounts, (amount) => [
      "prlimit",
      `--nofile=${amount}`,
    ]);

    expect(faults).toEqual([]);
    expect(worked).toBeDefined();
  });

  shows("ours", "a native half that cannot be loaded is named", async () => {
    const addon = join(dirname(runtimePath), "../lib/tsoci/tsoci.node");
    const through = await worldOf(start, `mount --bind /dev/null ${addon}`);

    expectRefusal(waiting().attempt("create", [], { through }), "tsoci.node");
  });

  shows("ours", "a whole life with 64 descriptors", () => {
    const box = waiting();
    const few = { through: ["prlimit", "--nofile=64"] };

    box.do("run", ["--detach"], few);
    box.exec(["/probe", "--quiet"], [], few);
    for (const [command, ...flags] of [["state"], ["pause"], ["resume"], ["delete", "--force"]])
      box.do(command ?? "", flags, few);

    expect(box.leftovers()).toEqual([]);
  });

  shows("ours", "a file that may not grow is named as the reason", () => {
    const { faults, worked } = untilItWorks(
      waiting(),
      [1, 64, 512, 4096, 32_768, 262_144, 16_777_216],
      (amount) => ["prlimit", `--fsize=${amount}`],
      // So little that not even a line of it can be said.
      (outcome) => (outcome.stderr.length === 1 ? undefined : faultOf(outcome)),
    );

    expect(faults).toEqual([]);
    expect(worked).toBeDefined();
  });

  shows("ours", "core files may be forbidden", () => {
    const { faults } = untilItWorks(waiting(), [0], (amount) => ["prlimit", `--core=${amount}`]);

    expect(faults).toEqual([]);
  });

  shows("ours", "with too little address space it ends, and leaves what can be cleared", () => {
    const mebibytes = [64, 128, 256, 512, 1024, 4096, 65_536];
    const { faults, worked } = untilItWorks(
      waiting(),
      mebibytes,
      (amount) => ["prlimit", `--as=${amount * 1024 * 1024}`],
      // The engine may find none for itself, which no program of it can tell.
      hangOf,
    );

    expect(faults).toEqual([]);
    expect(worked).toBeDefined();
  });

  for (const [what, option, amounts] of [
    ["blocks", "size", upTo(isThorough ? 24 : 6).map((pages) => pages * 4096)],
    ["inodes", "nr_inodes", upTo(12)],
  ] as const) {
    shows(
      "ours",
      `a state directory without ${what} is named, and nothing left in it`,
      async () => {
        const box = waiting();
        mkdirSync(box.stateRoot);
        for (const amount of amounts) {
          const options = `${option}=${amount},mode=700`;
          const through = await worldOf(
            start,
            `mount -t tmpfs -o ${options} tmpfs ${box.stateRoot}`,
          );

          const outcome = box.attempt("create", [], { through });

          expect([amount, faultOf(outcome)]).toEqual([amount, undefined]);
          if (outcome.status !== 0) {
            expect(outcome.stderr).toMatch(/no space left|ENOSPC|disk quota/i);
            expect(
              callRuntime(["--root", box.stateRoot, "list", "--quiet"], { through }).stdout,
            ).toBe("");
          }
          expect(box.attempt("delete", ["--force"], { through }).status).toBe(0);
          expect(box.leftovers()).toEqual([]);
        }
        tellFigure("load", "resources exhausted", 1);
      },
    );
  }

  shows(
    "ours",
    "a disk that is full by now lets containers be told of, ended and deleted",
    async () => {
      const box = waiting();
      mkdirSync(box.stateRoot);
      const through = await worldOf(
        start,
        `mount -t tmpfs -o size=256k,mode=700 tmpfs ${box.stateRoot}`,
      );
      box.do("run", ["--detach"], { through });
      const other = waiting();

      const [nsenter = "", ...world] = through;
      const filled = join(box.stateRoot, "filled");
      const fill = spawnSync(nsenter, [...world, "dd", "if=/dev/zero", `of=${filled}`, "bs=4k"]);
      expect(String(fill.stderr)).toContain("No space left");

      const args = ["--root", box.stateRoot, "create", "--bundle", other.bundleDir, other.id];
      expectRefusal(callRuntime(args, { through }), /no space left/i);
      expect(JSON.parse(box.do("state", [], { through }).stdout).status).toBe("running");
      box.do("delete", ["--force"], { through });
      expect(box.leftovers()).toEqual([]);
      expect(other.leftovers()).toEqual([]);
    },
  );

  shows("ours", "a /run that is read-only is named; another state root does", async () => {
    const box = waiting();
    const line = "mount -t tmpfs -o ro tmpfs /run";
    const through = await worldOf(start, line);

    expectRefusal(
      callRuntime(["create", "--bundle", box.bundleDir, box.id], { through }),
      "/run/",
      /read-only/i,
    );
    box.do("run", ["--detach"], { through });
    box.do("delete", ["--force"], { through });
    expect(box.leftovers()).toEqual([]);
  });

  shows(
    "ours",
    "a state root that has become read-only is named, and told of all the same",
    async () => {
      const box = waiting();
      mkdirSync(box.stateRoot);
      box.do("create");
      const bind = `mount --bind ${box.stateRoot} ${box.stateRoot}`;
      const through = await worldOf(start, `${bind}; mount -o remount,ro,bind ${box.stateRoot}`);

      expect(JSON.parse(box.do("state", [], { through }).stdout).status).toBe("created");
      expectRefusal(box.attempt("delete", ["--force"], { through }), /read-only/i);
      box.do("delete", ["--force"]);
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows("ours", "a /dev/shm that is full hinders nothing", async () => {
    const box = waiting();
    const fill = "dd if=/dev/zero of=/dev/shm/filled bs=4k 2>/dev/null || true";
    const through = await worldOf(start, `mount -t tmpfs -o size=4k tmpfs /dev/shm; ${fill}`);

    box.do("run", ["--detach"], { through });
    box.do("delete", ["--force"], { through });
    expect(box.leftovers()).toEqual([]);
  });

  /** A cgroup that the runtime, but not the container, is called in. */
  function callerCgroup<T>(name: string, work: (path: string) => T): T {
    const path = join(cgroupParent(), name);
    makeCgroups(path);
    try {
      return work(path);
    } finally {
      removeCgroups(path);
    }
  }

  shows(
    "ours",
    "a caller whose cgroup has no more pids gets an end, and nothing is left that cannot be cleared",
    () =>
      callerCgroup("caller-pids", (path) => {
        const dir = cgroupDir("pids", path);
        const { faults, worked } = untilItWorks(
          waiting(),
          [...upTo(12), 64],
          (amount) => {
            writeFileSync(join(dir, "pids.max"), String(amount));
            return within(dir);
          },
          // Without its threads the engine ends in its own words.
          hangOf,
        );

        expect(faults).toEqual([]);
        expect(worked).toBeDefined();
      }),
    ["cgroup v1"],
  );

  shows(
    "ours",
    "a caller whose cgroup has no more memory gets an end, and nothing is left that cannot be cleared",
    () =>
      callerCgroup("caller-memory", (path) => {
        const dir = cgroupDir("memory", path);
        const { faults, worked } = untilItWorks(
          waiting(),
          isThorough ? upTo(64) : [1, 4, 8, 16, 24, 32, 64],
          (amount) => {
            writeFileSync(join(dir, "memory.limit_in_bytes"), `${amount}M`);
            return within(dir);
          },
          hangOf,
        );

        expect(faults).toEqual([]);
        expect(worked).toBeDefined();
      }),
    ["cgroup v1"],
  );

  for (const kind of ["mnt", "pid", "net", "ipc", "uts", "user"]) {
    shows(
      "ours",
      `when no ${kind} namespace may be made any more, that is said`,
      () => {
        const box = container((config) => {
          withoutNamespace(config, "network");
          if (kind === "net") config.linux.namespaces.push({ type: "network" });
          if (kind !== "user") return;
          config.linux.namespaces.push({ type: "user" });
          const ids = [{ containerID: 0, hostID: 0, size: 1 }];
          config.linux.uidMappings = ids;
          config.linux.gidMappings = ids;
        });
        // The limit is that of a user namespace of its own: the machine's is nobody's to change.
        const line = `echo 0 >/proc/sys/user/max_${kind}_namespaces && exec "$@"`;
        const through = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", line, "sh"];

        expectRefusal(box.attempt("create", [], { through }), /ENOSPC|no space left/i);

        expect(box.leftovers()).toEqual([]);
        tellFigure("load", "resources exhausted", 1);
      },
      ["user namespaces"],
    );
  }
});
