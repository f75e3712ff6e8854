import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withoutMountsBelow, withoutNamespace, withUserNamespace } from "../support/config";
import { namespaceOf } from "../support/host";
import { expectRefusal, isolated } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const links: Record<string, string> = {
  pid: "pid",
  network: "net",
  mount: "mnt",
  ipc: "ipc",
  uts: "uts",
  user: "user",
  cgroup: "cgroup",
  time: "time",
};

rootSuite("namespaces: new and inherited", () => {
  const container = useContainers();

  for (const type of ["pid", "network", "mount", "ipc", "uts", "cgroup", "time"]) {
    const link = links[type] ?? "";

    shows("config-linux.md#namespaces", `a ${type} namespace without a path is new`, () => {
      const box = container((config) => {
        withoutNamespace(config, type);
        config.linux.namespaces.push({ type });
      });

      const seen = box.see();

      expect(seen.namespaces[link]).toMatch(/^\w+:\[\d+\]$/);
      expect(seen.namespaces[link]).not.toBe(namespaceOf("self", link));
    });
  }

  for (const type of ["pid", "network", "ipc", "uts", "user", "cgroup", "time"]) {
    const link = links[type] ?? "";

    shows(
      "config-linux.md#namespaces",
      `a ${type} namespace that is not listed is the runtime's`,
      () => {
        const box = container((config) => {
          withoutNamespace(config, type);
          if (type === "uts") delete config.hostname;
          // Only the owner of the network namespace may mount a sysfs, which it shows.
          if (type === "network") withoutMountsBelow(config, "/sys");
        });

        expect(box.see().namespaces[link]).toBe(namespaceOf("self", link));
      },
    );
  }

  shows(
    "config-linux.md#namespaces",
    "a mount namespace that is not listed is the runtime's",
    () => {
      const box = container((config) => {
        withoutNamespace(config, "mount");
        config.root = { path: "rootfs" };
        config.mounts = [];
      });
      const before = join(box.dir, "mnt");
      const note = `readlink /proc/self/ns/mnt >${before}; exec "$@"`;

      box.do("create", [], { through: [...isolated, "sh", "-c", note, "sh"] });

      expect(namespaceOf(box.state().pid, "mnt")).toBe(readFileSync(before, "utf8").trim());
      expect(namespaceOf(box.state().pid, "mnt")).not.toBe(namespaceOf("self", "mnt"));
    },
  );

  shows(
    "config-linux.md#namespaces",
    "without a mount namespace the rootfs is still the root",
    () => {
      const box = container((config) => {
        withoutNamespace(config, "mount");
        config.mounts = [];
        config.root = { path: "rootfs" };
      });
      writeFileSync(join(box.rootfsDir, "etc/mark"), "this rootfs");
      box.probe("--read", "/etc/mark");

      const seen = box.see([], { through: isolated });

      expect(seen.tries).toMatchObject([{ content: "this rootfs", error: "" }]);
      expect(seen.cwd).toBe("/");
    },
  );

  shows("config-linux.md#namespaces", "the program of a new pid namespace is process 1", () => {
    const seen = container().see();

    expect(seen).toMatchObject({ pid: 1, parentPid: 0 });
  });

  shows(
    "config-linux.md#namespaces",
    "in a new network namespace there is lo, and it is up",
    () => {
      const { interfaces } = container().see();

      expect(interfaces).toMatchObject([{ name: "lo", up: true, running: true, loopback: true }]);
      expect(interfaces[0]?.addresses).toContain("127.0.0.1/8");
    },
  );

  shows(
    "config-linux.md#namespaces",
    "a new cgroup namespace has the container's cgroup as its root",
    () => {
      const box = container((config) => config.linux.namespaces.push({ type: "cgroup" }));

      const seen = box.see();

      expect(seen.cgroups.map((line) => line.split(":").at(-1))).toEqual(
        seen.cgroups.map(() => "/"),
      );
    },
  );

  shows(
    "config-linux.md#namespaces",
    "without a cgroup namespace the whole path of the cgroup shows",
    () => {
      const box = container();

      const paths = new Set(box.see().cgroups.map((line) => line.split(":").at(-1)));

      expect([...paths]).toEqual([box.cgroupPath]);
    },
  );

  shows("config.md#hostname", "hostname and domainname are those of the config", () => {
    const box = container((config) => {
      config.hostname = "some-host";
      config.domainname = "some.domain";
    });

    expect(box.see()).toMatchObject({ hostname: "some-host", domainname: "some.domain" });
  });

  shows("config.md#hostname", "without hostname the uts namespace keeps the runtime's", () => {
    const box = container((config) => {
      delete config.hostname;
    });

    expect(box.see().hostname).toBe(readFileSync("/proc/sys/kernel/hostname", "utf8").trim());
  });

  for (const name of ["hostname", "domainname"] as const) {
    shows("config.md#hostname", `${name} without a uts namespace of its own is refused`, () => {
      const before = readFileSync(`/proc/sys/kernel/${name}`, "utf8");
      const box = container((config) => {
        delete config.hostname;
        config[name] = "evil";
        withoutNamespace(config, "uts");
      });

      expectRefusal(box.attempt("create"), name);

      expect(readFileSync(`/proc/sys/kernel/${name}`, "utf8")).toBe(before);
      expect(box.leftovers()).toEqual([]);
    });
  }

  shows("config-linux.md#namespaces", "every kind of namespace can be new at once", () => {
    const box = container((config) => {
      config.linux.namespaces = Object.keys(links).map((type) => ({ type }));
      withUserNamespace(config);
      config.linux.namespaces.pop();
    });

    const seen = box.see();

    for (const [kind, link] of Object.entries(seen.namespaces)) {
      expect(link).not.toBe(namespaceOf("self", kind));
    }
    expect(Object.keys(seen.namespaces).sort()).toEqual(Object.values(links).sort());
  });

  shows("config-linux.md#namespaces", "the order of the list does not matter", () => {
    const types = ["pid", "network", "ipc", "uts", "mount", "cgroup", "time"];
    for (const order of [types, [...types].reverse()]) {
      const box = container((config) => {
        config.linux.namespaces = order.map((type) => ({ type }));
      });

      expect(box.see()).toMatchObject({ pid: 1, hostname: "probed" });
    }
  });
});
