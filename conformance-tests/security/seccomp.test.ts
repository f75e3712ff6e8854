import { readFileSync } from "node:fs";
import { processOf } from "../support/config";
import { tried } from "../support/report";
import { callRuntime, expectRefusal } from "../support/runtime";
import { allowBut, systemCalls } from "../support/seccomp";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("security: seccomp", () => {
  const container = useContainers();

  for (const noNewPrivileges of [true, false]) {
    shows(
      "config-linux.md#seccomp",
      `a system call that the filter names fails, with noNewPrivileges ${noNewPrivileges}`,
      () => {
        const box = container((config) => {
          config.root = { path: "rootfs" };
          const process = processOf(config);
          process.noNewPrivileges = noNewPrivileges;
          config.linux.seccomp = {
            defaultAction: "SCMP_ACT_ALLOW",
            syscalls: [
              { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 },
              { names: ["symlink"], action: "SCMP_ACT_ERRNO" },
            ],
          };
        });
        box.probe("--mkdir", "/tmp/dir", "--create", "/tmp/file");

        const seen = box.see();

        expect(seen.seccomp).toBe(2);
        expect(tried(seen, "mkdir", "/tmp/dir").error).toBe("ENOSPC");
        expect(tried(seen, "create", "/tmp/file").error).toBe("");
      },
    );
  }

  shows("config-linux.md#seccomp", "without a filter there is none", () => {
    expect(container().see().seccomp).toBe(0);
  });

  const calls = systemCalls();
  const numberOf = (name: string) => String(calls.get(name) ?? -1);

  for (const [action, status] of [
    ["SCMP_ACT_KILL", 159],
    ["SCMP_ACT_KILL_THREAD", 159],
    ["SCMP_ACT_KILL_PROCESS", 159],
    ["SCMP_ACT_TRAP", 159],
    ["SCMP_ACT_LOG", 0],
  ] as const) {
    shows("config-linux.md#seccomp", `a program that meets ${action} ends with ${status}`, () => {
      const box = container((config) => {
        allowBut(config, { names: ["getppid"], action });
      });
      box.probe("--syscall", numberOf("getppid"));

      expect(box.attempt("run").status).toBe(status);
    });
  }

  shows("config-linux.md#seccomp", "a call that a tracer is to see fails without one", () => {
    const box = container((config) => {
      allowBut(config, { names: ["getppid"], action: "SCMP_ACT_TRACE", errnoRet: 7 });
    });
    box.probe("--syscall", numberOf("getppid"));

    expect(tried(box.see(), "syscall", numberOf("getppid")).error).toBe("ENOSYS");
  });

  shows("config-linux.md#seccomp", "a rule holds for the arguments that it names", () => {
    const box = container((config) => {
      const refuse = (op: string, value: number, valueTwo?: number) => ({
        names: ["getpriority"],
        action: "SCMP_ACT_ERRNO",
        errnoRet: 33,
        args: [
          {
            index: 1,
            op: `SCMP_CMP_${op}`,
            value,
            ...(valueTwo === undefined ? {} : { valueTwo }),
          },
        ],
      });
      allowBut(config, refuse("GE", 90), refuse("EQ", 5), refuse("MASKED_EQ", 0xff0, 0x20));
    });
    const call = (which: number) => `${numberOf("getpriority")}:9:${which}`;
    const refused = [90, 91, 5, 0x20, 0x2f];
    const allowed = [89, 4, 0x30, 0];
    box.probe(...[...refused, ...allowed].flatMap((which) => ["--syscall", call(which)]));

    const seen = box.see();

    // The kernel's own answer to a wrong first argument is EINVAL.
    const errors = (values: number[]) =>
      values.map((which) => tried(seen, "syscall", call(which)).error);
    expect(errors(refused)).toEqual(refused.map(() => "EDOM"));
    expect(errors(allowed)).toEqual(allowed.map(() => "EINVAL"));
  });

  shows(
    "config-linux.md#seccomp",
    "a call that is newer than the profile does not exist, and an older one has the default",
    () => {
      const newest = calls.get("openat2") ?? 0;
      const names = [...calls].filter(([name, number]) => number <= newest && name !== "getppid");
      const box = container((config) => {
        config.linux.seccomp = {
          defaultAction: "SCMP_ACT_ERRNO",
          defaultErrnoRet: 11,
          syscalls: [{ names: names.map(([name]) => name), action: "SCMP_ACT_ALLOW" }],
        };
      });
      const newer = [newest + 1, 100_000].map(String);
      box.probe(...[numberOf("getppid"), ...newer].flatMap((number) => ["--syscall", number]));

      const seen = box.see();

      expect(tried(seen, "syscall", numberOf("getppid")).error).toBe("EAGAIN");
      for (const number of newer) expect(tried(seen, "syscall", number).error).toBe("ENOSYS");
    },
  );

  shows(
    "config-linux.md#seccomp",
    "a rule holds for every architecture that the profile names",
    () => {
      const box = container((config) => {
        const profile = allowBut(config, {
          names: ["getppid"],
          action: "SCMP_ACT_ERRNO",
          errnoRet: 33,
        });
        profile.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"];
      });
      // getppid and getpid of i386.
      box.probe("--syscall32", "64", "--syscall32", "20", "--syscall", numberOf("getppid"));

      const seen = box.see();

      expect(tried(seen, "syscall32", "64").error).toBe("EDOM");
      expect(tried(seen, "syscall32", "20").error).not.toBe("EDOM");
      expect(tried(seen, "syscall", numberOf("getppid")).error).toBe("EDOM");
    },
    ["system calls of i386"],
  );

  shows("config-linux.md#seccomp", "every flag is applied", () => {
    const box = container((config) => {
      const profile = allowBut(config, { names: ["getppid"], action: "SCMP_ACT_ERRNO" });
      profile.flags = [
        "SECCOMP_FILTER_FLAG_TSYNC",
        "SECCOMP_FILTER_FLAG_LOG",
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
      ];
    });
    box.probe("--syscall", numberOf("getppid"));

    expect(tried(box.see(), "syscall", numberOf("getppid")).error).toBe("EPERM");
  });

  shows("peers", "a call that nobody knows is left out, and --debug says so", () => {
    const box = container((config) => {
      allowBut(config, { names: ["no_such_call", "getppid"], action: "SCMP_ACT_ERRNO" });
    });
    box.probe("--syscall", numberOf("getppid"));
    const log = `${box.dir}/log`;
    const create = () =>
      callRuntime([
        ...["--root", box.stateRoot, "--debug", "--log", log],
        ...["run", "--bundle", box.bundleDir, box.id],
      ]);

    // Compiled, and then as it was kept.
    for (const turn of [1, 2]) {
      expect(create().status).toBe(0);
      expect(readFileSync(log, "utf8").split("no_such_call")).toHaveLength(turn + 1);
    }
  });

  const wrong: Record<string, Record<string, unknown>> = {
    "an action that there is not": { defaultAction: "SCMP_ACT_SOME" },
    "no default action": { syscalls: [] },
    "a rule without names": {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: [], action: "SCMP_ACT_ERRNO" }],
    },
    "an argument index above five": {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        {
          names: ["mkdir"],
          action: "SCMP_ACT_ERRNO",
          args: [{ index: 6, value: 0, op: "SCMP_CMP_EQ" }],
        },
      ],
    },
    "an errno for an action that has none": {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_KILL_PROCESS", errnoRet: 1 }],
    },
    "a default errno for a default action that has none": {
      defaultAction: "SCMP_ACT_ALLOW",
      defaultErrnoRet: 1,
    },
    "an operator that there is not": {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        {
          names: ["mkdir"],
          action: "SCMP_ACT_ERRNO",
          args: [{ index: 0, value: 0, op: "SCMP_CMP_SOME" }],
        },
      ],
    },
    "a flag that there is not": { defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_SOME"] },
    "a notifying default": { defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/agent" },
    "a notification and no listener": {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
    },
    "a notification of write": {
      defaultAction: "SCMP_ACT_ALLOW",
      listenerPath: "/agent",
      syscalls: [{ names: ["write"], action: "SCMP_ACT_NOTIFY" }],
    },
    "metadata without a listener": {
      defaultAction: "SCMP_ACT_ALLOW",
      listenerMetadata: "some",
    },
    "an architecture that there is not": {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_PDP11"],
    },
  };
  for (const [what, seccomp] of Object.entries(wrong)) {
    shows("config-linux.md#seccomp", `a filter with ${what} is refused`, () => {
      const box = container((config) => {
        config.linux.seccomp = seccomp;
      });

      expectRefusal(box.attempt("create"), "seccomp");

      expect(box.leftovers()).toEqual([]);
    });
  }
});
