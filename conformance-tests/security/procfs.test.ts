import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { mountAt, tried } from "../support/report";
import { expectRefusal, isolated } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("security: procfs and what is written to it", () => {
  const container = useContainers();

  const overProc: Record<
    string,
    { type?: string; source: string; destination: string; options?: string[] }
  > = {
    "a tmpfs over /proc": { type: "tmpfs", source: "tmpfs", destination: "/proc" },
    "a tmpfs over /proc/self/attr": {
      type: "tmpfs",
      source: "tmpfs",
      destination: "/proc/self/attr",
    },
    "a file over /proc/sys/kernel/hostname": {
      source: "/etc/hostname",
      destination: "/proc/sys/kernel/hostname",
      options: ["bind"],
    },
    "a directory over /proc": { source: "/etc", destination: "/proc", options: ["bind"] },
    "a file over /proc/self/status": {
      source: "/etc/hostname",
      destination: "/proc/self/status",
      options: ["bind"],
    },
    "a tmpfs below a path that winds to /proc": {
      type: "tmpfs",
      source: "tmpfs",
      destination: "/tmp/../proc/sys",
    },
  };
  for (const [what, mount] of Object.entries(overProc)) {
    shows("CVE-2019-16884", `${what} is refused`, () => {
      const box = container((config) => config.mounts.push(mount));

      expectRefusal(box.attempt("create"), /proc/);

      expect(box.leftovers()).toEqual([]);
    });
  }

  shows("CVE-2019-16884", "a path that a symlink turns into one below /proc is refused", () => {
    const box = container((config, { rootfsDir }) => {
      symlinkSync("/proc/self", join(rootfsDir, "innocent"));
      config.mounts.push({ type: "tmpfs", source: "tmpfs", destination: "/innocent/attr" });
    });

    expectRefusal(box.attempt("create"), /proc/);

    expect(box.leftovers()).toEqual([]);
  });

  shows("CVE-2019-16884", "files of /proc that only inform may be covered", () => {
    const box = container((config, { dir }) => {
      writeFileSync(join(dir, "fake"), "faked");
      for (const name of [
        "cpuinfo",
        "meminfo",
        "stat",
        "uptime",
        "loadavg",
        "diskstats",
        "swaps",
      ]) {
        config.mounts.push({
          destination: `/proc/${name}`,
          source: join(dir, "fake"),
          options: ["bind"],
        });
      }
    });
    box.probe("--read", "/proc/cpuinfo", "--read", "/proc/swaps");

    expect(box.see().tries.map(({ content }) => content)).toEqual(["faked", "faked"]);
  });

  shows("CVE-2019-16884", "/proc may be bound from a procfs", () => {
    const box = container((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
      config.mounts = config.mounts.map((mount) =>
        mount.destination === "/proc"
          ? { destination: "/proc", source: "/proc", options: ["rbind"] }
          : mount,
      );
    });

    expect(mountAt(box.see(), "/proc").type).toBe("proc");
  });

  shows("CVE-2019-16884", "nothing but a procfs may be bound on /proc", () => {
    const box = container((config) => {
      config.mounts = config.mounts.map((mount) =>
        mount.destination === "/proc"
          ? { destination: "/proc", source: "/etc", options: ["rbind"] }
          : mount,
      );
    });

    expectRefusal(box.attempt("create"), "is not of type proc");

    expect(box.leftovers()).toEqual([]);
  });

  for (const [what, command] of Object.entries({
    "one file": "mount --bind $ROOTFS/etc/mark $ROOTFS/proc/sys/net/ipv4/ip_forward",
    "the tree": "mount --bind $ROOTFS/etc/fake $ROOTFS/proc/sys",
  })) {
    shows("CVE-2025-52881", `a sysctl does not go to a file that is bound over ${what}`, () => {
      const box = container((config, { rootfsDir }) => {
        const fake = join(rootfsDir, "etc/fake/net/ipv4");
        mkdirSync(fake, { recursive: true });
        writeFileSync(join(fake, "ip_forward"), "untouched");
        writeFileSync(join(rootfsDir, "etc/mark"), "untouched");
        config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
        const env = [`ROOTFS=${rootfsDir}`, "PATH=/bin:/usr/bin:/sbin"];
        config.hooks = { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", command], env }] };
      });

      box.attempt("run");

      expect(readFileSync(join(box.rootfsDir, "etc/mark"), "utf8")).toBe("untouched");
      expect(readFileSync(join(box.rootfsDir, "etc/fake/net/ipv4/ip_forward"), "utf8")).toBe(
        "untouched",
      );
    });
  }

  for (const [name, value] of [
    ["kernel.shm_rmid_forced", "1\n"],
    ["net.ipv4.ip_forward", "1+kernel.core_pattern=|/bin/true"],
    ["kernel.core_pattern\u0000x", "1"],
  ] as const) {
    shows(
      "CVE-2022-0811",
      `the sysctl ${JSON.stringify(name)} with the value ${JSON.stringify(value)} changes nothing of the host`,
      () => {
        const before = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
        const box = container((config) => {
          config.linux.sysctl = { [name]: value };
        });

        box.attempt("run");

        expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8")).toBe(before);
        expect(box.leftovers()).toEqual([]);
      },
    );
  }

  shows("CVE-2015-3630", "the usual masked and read-only paths hold", () => {
    const masked = [
      "/proc/acpi",
      "/proc/asound",
      "/proc/keys",
      "/proc/latency_stats",
      "/proc/timer_list",
      "/proc/timer_stats",
      "/proc/sched_debug",
      "/proc/scsi",
      "/sys/firmware",
      "/sys/devices/virtual/powercap",
    ];
    const readonly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
    const box = container((config) => {
      config.linux.maskedPaths = masked;
      config.linux.readonlyPaths = readonly;
      const names = ["CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"];
      processOf(config).capabilities = { bounding: names, permitted: names, effective: names };
    });
    // Kernels differ in which of them they have.
    const files = ["/proc/keys", "/proc/timer_list"].filter((path) => existsSync(path));
    const kept = [...readonly, "/proc/sys/kernel/core_pattern"].filter((path) => existsSync(path));
    const keptFiles = kept.filter((path) => statSync(path).isFile());
    box.probe(
      ...files.flatMap((path) => ["--read", path]),
      ...keptFiles.flatMap((path) => ["--open", path]),
      "--list",
      "/sys/firmware",
    );

    const seen = box.see();

    expect(tried(seen, "list", "/sys/firmware").entries).toEqual([]);
    for (const { operation, path, content, error } of seen.tries) {
      if (operation === "read") expect({ path, content }).toEqual({ path, content: "" });
      if (operation === "open") expect({ path, error }).toEqual({ path, error: "EROFS" });
    }
    for (const path of readonly.filter((name) => existsSync(name))) {
      expect(mountAt(seen, path).options.split(",")).toContain("ro");
    }
    expect(kept.length).toBeGreaterThan(2);
  });

  shows(
    "security",
    "what a container without a mount namespace mounts is below its rootfs, and goes with it",
    () => {
      const box = container((config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "mount");
        config.root = { path: "rootfs" };
      });
      box.probe("--stat", "/proc/self");
      const note = `cut -d" " -f5 /proc/self/mountinfo | sort >${box.dir}/before; "$@"; cut -d" " -f5 /proc/self/mountinfo | sort >${box.dir}/after`;

      const seen = box.see([], { through: [...isolated, "sh", "-c", note, "sh"] });

      const [before, after] = ["before", "after"].map((name) =>
        readFileSync(join(box.dir, name), "utf8"),
      );
      expect(after).toBe(before);
      const targets = seen.mounts.map(({ target }) => target);
      expect(targets).toContain("/proc");
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows("security", "what was mounted at its rootfs before it stays when create fails", () => {
    const box = container((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "mount");
      config.root = { path: "rootfs" };
      config.linux.resources = { cpu: { cpus: "4096" } };
    });
    const rootfs = box.rootfsDir;
    const count = `grep -c " ${rootfs} " /proc/self/mountinfo >${box.dir}/count`;
    const around = `mount --bind ${rootfs} ${rootfs}; "$@"; status=$?; ${count}; exit $status`;

    const outcome = box.attempt("create", [], { through: [...isolated, "sh", "-c", around, "sh"] });

    expectRefusal(outcome, "cpuset.cpus");
    expect(readFileSync(join(box.dir, "count"), "utf8")).toBe("1\n");
    expect(box.leftovers()).toEqual([]);
  });
});
