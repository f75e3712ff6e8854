import { readFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { cgroupDir, hierarchies } from "../support/host";
import { tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** Not among the default devices; its number belongs to /dev/fuse. */
const fuse = { type: "c", path: "/dev/fuse", major: 10, minor: 229, fileMode: 0o666 };

rootSuite("cgroups: resources", () => {
  const container = useContainers();

  shows(
    "config-linux.md#allowed-device-list",
    "a device that no rule allows cannot be opened",
    () => {
      const box = container((config) => {
        config.linux.devices = [fuse];
      });
      box.probe("--stat", "/dev/fuse", "--open", "/dev/fuse", "--open", "/dev/null");

      const seen = box.see();

      expect(tried(seen, "stat", "/dev/fuse").type).toBe("character");
      expect(tried(seen, "open", "/dev/fuse").error).toBe("EPERM");
      expect(tried(seen, "open", "/dev/null").error).toBe("");
    },
  );

  shows("config-linux.md#allowed-device-list", "a device that a rule allows can be opened", () => {
    const box = container((config) => {
      config.linux.devices = [fuse];
      config.linux.resources = {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 10, minor: 229, access: "rwm" },
        ],
      };
    });
    box.probe("--open", "/dev/fuse");

    expect(tried(box.see(), "open", "/dev/fuse").error).not.toBe("EPERM");
  });

  shows("config-linux.md#allowed-device-list", "rules hold in their order", () => {
    const box = container((config) => {
      config.linux.devices = [fuse];
      config.linux.resources = {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 10, minor: 229, access: "rwm" },
          { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
        ],
      };
    });
    box.probe("--open", "/dev/fuse");

    expect(tried(box.see(), "open", "/dev/fuse").error).toBe("EPERM");
  });

  shows("config-linux.md#allowed-device-list", "a rule may allow some kinds of access only", () => {
    const box = container((config) => {
      config.linux.devices = [{ ...fuse, path: "/dev/some", major: 1, minor: 11 }];
      config.linux.resources = {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 1, minor: 11, access: "w" },
        ],
      };
    });
    box.probe("--read", "/dev/some", "--write", "/dev/some");

    const seen = box.see();

    expect(tried(seen, "read", "/dev/some").error).toBe("EPERM");
    expect(tried(seen, "write", "/dev/some").error).toBe("");
  });

  shows("peers", "a kind of access that there is not is left out, as runc does", () => {
    const box = container((config) => {
      config.linux.resources = {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 1, minor: 3, access: "rwa" },
        ],
      };
    });
    box.probe("--open", "/dev/null");

    expect(tried(box.see(), "open", "/dev/null").error).toBe("");
  });

  shows(
    "config-linux.md#allowed-device-list",
    "any node may be made, as making one gives no access",
    () => {
      const box = container((config) => {
        const names = ["CAP_MKNOD"];
        processOf(config).capabilities = { bounding: names, permitted: names, effective: names };
      });
      box.probe("--mknod", "/dev/shm/made", "--open", "/dev/shm/made");

      const seen = box.see();

      expect(tried(seen, "mknod", "/dev/shm/made").error).toBe("");
      expect(["EPERM", "EACCES"]).toContain(tried(seen, "open", "/dev/shm/made").error);
    },
  );

  shows(
    "config-linux.md#allowed-device-list",
    "the default devices are allowed whatever the rules say",
    () => {
      const box = container((config) => {
        config.linux.resources = { devices: [{ allow: false, access: "rwm" }] };
      });
      box.probe(
        "--open",
        "/dev/null",
        "--open",
        "/dev/zero",
        "--open",
        "/dev/full",
        "--open",
        "/dev/random",
        "--open",
        "/dev/urandom",
        "--open",
        "/dev/ptmx",
      );

      expect(box.see().tries.map(({ error }) => error)).toEqual(["", "", "", "", "", ""]);
    },
  );

  shows(
    "config-linux.md#control-groups",
    "without resources the cgroup's files are left alone",
    () => {
      const box = container((config) => {
        delete config.linux.resources;
      });
      box.probe("--wait");

      box.do("create");

      for (const [controller, file] of [
        ["memory", "memory.limit_in_bytes"],
        ["pids", "pids.max"],
        ["cpu", "cpu.shares"],
      ] as const) {
        if (!hierarchies().some(({ controllers }) => controllers.includes(controller))) continue;
        const value = readFileSync(
          join(cgroupDir(controller, box.cgroupPath), file),
          "utf8",
        ).trim();
        expect(value).toBe({ memory: "9223372036854771712", pids: "max", cpu: "1024" }[controller]);
      }
    },
    ["cgroup v1"],
  );

  for (const [what, rule] of Object.entries({
    "an unknown type": { allow: true, type: "x", access: "r" },
    "no verdict": { type: "c", access: "r" },
  })) {
    shows("config-linux.md#allowed-device-list", `a rule with ${what} is refused`, () => {
      const box = container((config) => {
        config.linux.resources = { devices: [rule] };
      });

      expectRefusal(box.attempt("create"), "devices");

      expect(box.leftovers()).toEqual([]);
    });
  }
});
