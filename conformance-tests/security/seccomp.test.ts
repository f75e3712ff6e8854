import { processOf } from "../support/config";
import { tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
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
