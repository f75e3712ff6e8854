import { readFileSync } from "node:fs";
import { processOf } from "../support/config";
import { launchTool } from "../support/environment";
import { giveRealTimeBudget } from "../support/real-time";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** Soft and hard limits, all below what a machine has, so that lowering is enough. */
const limits: Record<string, [number, number]> = {
  RLIMIT_CPU: [1000, 2000],
  RLIMIT_FSIZE: [10_000_000, 20_000_000],
  RLIMIT_DATA: [1_000_000_000, 2_000_000_000],
  RLIMIT_STACK: [1_000_000, 2_000_000],
  RLIMIT_CORE: [0, 1],
  RLIMIT_RSS: [100_000_000, 200_000_000],
  RLIMIT_NPROC: [100, 200],
  RLIMIT_NOFILE: [300, 500],
  RLIMIT_MEMLOCK: [4096, 8192],
  RLIMIT_AS: [4_000_000_000, 5_000_000_000],
  RLIMIT_LOCKS: [10, 20],
  RLIMIT_SIGPENDING: [10, 20],
  RLIMIT_MSGQUEUE: [1000, 2000],
  RLIMIT_NICE: [0, 0],
  RLIMIT_RTPRIO: [0, 0],
  RLIMIT_RTTIME: [1_000_000, 2_000_000],
};

const realTime = new Set(["SCHED_FIFO", "SCHED_RR", "SCHED_DEADLINE"]);

rootSuite("process: limits and scheduling", () => {
  const container = useContainers();

  shows("config.md#posix-process", "every limit is that of the config", () => {
    const box = container((config) => {
      processOf(config).rlimits = Object.entries(limits).map(([type, [soft, hard]]) => ({
        type,
        soft,
        hard,
      }));
    });

    expect(box.see().rlimits).toEqual(
      Object.fromEntries(Object.entries(limits).map(([type, pair]) => [type, pair.map(String)])),
    );
  });

  shows("config.md#posix-process", "a limit above 2^53 is exact, and 2^64 - 1 is none", () => {
    const box = container((config) => {
      processOf(config).rlimits = [
        { type: "RLIMIT_CORE", soft: 1, hard: 2 },
        { type: "RLIMIT_FSIZE", soft: 3, hard: 4 },
      ];
    });
    const text = JSON.stringify(box.config)
      .replace('"soft":1,"hard":2', '"soft":9007199254740993,"hard":9223372036854775809')
      .replace('"soft":3,"hard":4', '"soft":18446744073709551615,"hard":18446744073709551615');
    box.writeConfig(text);

    const { rlimits } = box.see();

    expect(rlimits.RLIMIT_CORE).toEqual(["9007199254740993", "9223372036854775809"]);
    expect(rlimits.RLIMIT_FSIZE).toEqual(["18446744073709551615", "18446744073709551615"]);
  });

  shows(
    "config.md#posix-process",
    "limits that are not in the config stay those of the caller",
    () => {
      const box = container();

      const seen = box.see([], { through: [launchTool, "--limit", "257", "1024", "--"] });

      expect(seen.rlimits.RLIMIT_NOFILE).toEqual(["257", "1024"]);
    },
  );

  for (const [what, rlimits] of Object.entries({
    "a type that is listed twice": [
      { type: "RLIMIT_CORE", soft: 0, hard: 0 },
      { type: "RLIMIT_CORE", soft: 1, hard: 1 },
    ],
    "a type that there is not": [{ type: "RLIMIT_NOTHING", soft: 0, hard: 0 }],
    "a soft limit above the hard one": [{ type: "RLIMIT_CORE", soft: 2, hard: 1 }],
    "a limit of -1": [{ type: "RLIMIT_CORE", soft: -1, hard: -1 }],
  })) {
    shows("config.md#posix-process", `${what} is refused`, () => {
      const box = container((config) => {
        processOf(config).rlimits = rlimits;
      });

      expectRefusal(box.attempt("create"), /rlimit/i);

      expect(box.leftovers()).toEqual([]);
    });
  }

  shows("config.md#linux-process", "oomScoreAdj is that of the config", () => {
    for (const score of [0, 500, 1000]) {
      const box = container((config) => {
        processOf(config).oomScoreAdj = score;
      });

      expect(box.see().oomScoreAdj).toBe(score);
    }
  });

  shows("config.md#linux-process", "without oomScoreAdj the caller's value stays", () => {
    const box = container();

    expect(box.see([], { through: [launchTool, "--score", "321", "--"] }).oomScoreAdj).toBe(321);
  });

  for (const score of [1001, -1001, 0.5]) {
    shows("config.md#linux-process", `an oomScoreAdj of ${score} is refused`, () => {
      const box = container((config) => {
        processOf(config).oomScoreAdj = score;
      });

      expectRefusal(box.attempt("create"), /oom_?score_?adj/i);

      expect(box.leftovers()).toEqual([]);
    });
  }

  const schedulers: Record<string, [Record<string, unknown>, Record<string, number>]> = {
    SCHED_OTHER: [{ nice: 7 }, { policy: 0, nice: 7 }],
    SCHED_BATCH: [{ nice: 3 }, { policy: 3, nice: 3 }],
    SCHED_IDLE: [{}, { policy: 5 }],
    SCHED_FIFO: [{ priority: 3 }, { policy: 1, priority: 3 }],
    SCHED_RR: [
      { priority: 4, flags: ["SCHED_FLAG_RESET_ON_FORK"] },
      { policy: 2, priority: 4, flags: 1 },
    ],
    SCHED_DEADLINE: [
      { runtime: 1_000_000, deadline: 10_000_000, period: 20_000_000 },
      { policy: 6, runtime: 1_000_000, deadline: 10_000_000, period: 20_000_000 },
    ],
  };
  for (const [policy, [properties, effect]] of Object.entries(schedulers)) {
    shows(
      "config.md#linux-process",
      `the scheduling policy ${policy} is that of the program`,
      () => {
        const box = container((config) => {
          processOf(config).scheduler = { policy, ...properties };
        });
        const removeBudget = giveRealTimeBudget(box.cgroupPath);

        expect(box.see().scheduler).toMatchObject(effect);

        removeBudget();
      },
      realTime.has(policy) ? ["real-time scheduling"] : [],
    );
  }

  for (const [what, scheduler] of Object.entries({
    "a policy that there is not": { policy: "SCHED_SOME" },
    "a policy that the kernel never had": { policy: "SCHED_ISO" },
    "no policy": { nice: 3 },
    "a priority of a policy that has none": { policy: "SCHED_OTHER", priority: 5 },
    "a flag that there is not": { policy: "SCHED_OTHER", flags: ["SCHED_FLAG_SOME"] },
    "a deadline shorter than its runtime": {
      policy: "SCHED_DEADLINE",
      runtime: 20,
      deadline: 10,
      period: 10,
    },
    "a nice value out of range": { policy: "SCHED_OTHER", nice: 40 },
  })) {
    shows("config.md#linux-process", `a scheduler with ${what} is refused`, () => {
      const box = container((config) => {
        processOf(config).scheduler = scheduler;
      });

      expectRefusal(box.attempt("create"), /sched/i);

      expect(box.leftovers()).toEqual([]);
    });
  }

  for (const [name, number] of [
    ["IOPRIO_CLASS_RT", 1],
    ["IOPRIO_CLASS_BE", 2],
  ] as const) {
    shows(
      "config.md#linux-process",
      `the I/O priority class ${name} is that of the program`,
      () => {
        for (const priority of [0, 4, 7]) {
          const box = container((config) => {
            processOf(config).ioPriority = { class: name, priority };
          });

          expect(box.see().ioPriority).toEqual({ class: number, priority });
        }
      },
    );
  }

  shows(
    "config.md#linux-process",
    "the I/O priority class IOPRIO_CLASS_IDLE is that of the program",
    () => {
      const box = container((config) => {
        processOf(config).ioPriority = { class: "IOPRIO_CLASS_IDLE", priority: 0 };
      });

      expect(box.see().ioPriority.class).toBe(3);
    },
  );

  for (const [what, ioPriority] of Object.entries({
    "class that there is not": { class: "IOPRIO_CLASS_NONE", priority: 0 },
    "priority above 7": { class: "IOPRIO_CLASS_BE", priority: 8 },
    "priority that is missing": { class: "IOPRIO_CLASS_BE" },
    "priority below 0": { class: "IOPRIO_CLASS_BE", priority: -1 },
  })) {
    shows("config.md#linux-process", `an I/O ${what} is refused`, () => {
      const box = container((config) => {
        processOf(config).ioPriority = ioPriority;
      });

      expectRefusal(box.attempt("create"), /ioPriority/);

      expect(box.leftovers()).toEqual([]);
    });
  }

  for (const [domain, persona, machine] of [
    ["LINUX", 0, /64/],
    ["LINUX32", 8, /^(i686|armv8l)$/],
  ] as const) {
    shows("config-linux.md#personality", `the personality ${domain} is that of the program`, () => {
      const box = container((config) => {
        config.linux.personality = { domain };
      });

      const seen = box.see();

      expect(seen.personality & 0xff).toBe(persona);
      expect(seen.machine).toMatch(machine);
    });
  }

  for (const personality of [
    { domain: "LINUX64" },
    { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] },
    {},
  ]) {
    shows(
      "config-linux.md#personality",
      `the personality ${JSON.stringify(personality)} is refused`,
      () => {
        const box = container((config) => {
          config.linux.personality = personality as { domain: string };
        });

        expectRefusal(box.attempt("create"), "personality");

        expect(box.leftovers()).toEqual([]);
      },
    );
  }

  const policies: Record<string, [Record<string, unknown>, { mode: number; nodes: number[] }]> = {
    MPOL_DEFAULT: [{}, { mode: 0, nodes: [] }],
    MPOL_BIND: [{ nodes: "0" }, { mode: 2, nodes: [0] }],
    MPOL_INTERLEAVE: [{ nodes: "0" }, { mode: 3, nodes: [0] }],
    MPOL_PREFERRED: [{ nodes: "0" }, { mode: 1, nodes: [0] }],
    MPOL_LOCAL: [{}, { mode: 4, nodes: [] }],
  };
  for (const [mode, [properties, effect]] of Object.entries(policies)) {
    shows(
      "config-linux.md#memory-policy",
      `the memory policy ${mode} is that of the program`,
      () => {
        const box = container((config) => {
          config.linux.memoryPolicy = { mode, ...properties };
        });

        expect(box.see().memoryPolicy).toEqual(effect);
      },
      ["NUMA"],
    );
  }

  for (const [what, memoryPolicy] of Object.entries({
    "mode that there is not": { mode: "MPOL_SOME", nodes: "0" },
    "list of nodes that is none": { mode: "MPOL_BIND", nodes: "zero" },
    "mode that needs nodes and gets none": { mode: "MPOL_BIND" },
    "flag that there is not": { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_SOME"] },
    "missing mode": { nodes: "0" },
  })) {
    shows("config-linux.md#memory-policy", `a memory policy with a ${what} is refused`, () => {
      const box = container((config) => {
        config.linux.memoryPolicy = memoryPolicy;
      });

      expectRefusal(box.attempt("create"), /memory ?policy/i);

      expect(box.leftovers()).toEqual([]);
    });
  }

  shows(
    "config.md#linux-process",
    "execCPUAffinity does not change the program's processors",
    () => {
      const box = container((config) => {
        processOf(config).execCPUAffinity = { initial: "0", final: "0" };
      });
      const processors = readFileSync("/proc/cpuinfo", "utf8").match(/^processor/gm)?.length;

      expect(box.see().affinity).toHaveLength(processors ?? 0);
    },
    ["two processors"],
  );
});
