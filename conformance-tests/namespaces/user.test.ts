import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf, withUserNamespace } from "../support/config";
import { namespaceOf, readProcFile, statusField } from "../support/host";
import { tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("namespaces: user", () => {
  const container = useContainers();

  shows("config-linux.md#user-namespace-mappings", "ids are mapped as the config says", () => {
    const box = container((config) => withUserNamespace(config, 200000));
    box.probe("--wait");

    box.do("create");

    const { pid } = box.state();
    expect(namespaceOf(pid, "user")).not.toBe(namespaceOf("self", "user"));
    expect(readProcFile(pid, "uid_map")?.trim().split(/\s+/)).toEqual(["0", "200000", "65536"]);
    expect(readProcFile(pid, "gid_map")?.trim().split(/\s+/)).toEqual(["0", "200000", "65536"]);
    expect(statusField(pid, "Uid")).toBe("200000\t200000\t200000\t200000");
    expect(statusField(pid, "Gid")).toBe("200000\t200000\t200000\t200000");
  });

  shows("config-linux.md#user-namespace-mappings", "several mappings are all written", () => {
    const mappings = [
      { containerID: 0, hostID: 300000, size: 10 },
      { containerID: 10, hostID: 400000, size: 20 },
      { containerID: 1000, hostID: 500000, size: 1 },
    ];
    const box = container((config) => {
      withUserNamespace(config);
      config.linux.uidMappings = mappings;
      config.linux.gidMappings = mappings;
      processOf(config).user = { uid: 1000, gid: 12 };
    });
    box.probe("--wait");

    box.do("create");

    const { pid } = box.state();
    const words = readProcFile(pid, "uid_map")?.trim().split(/\s+/).map(Number);
    expect(words).toEqual([0, 300000, 10, 10, 400000, 20, 1000, 500000, 1]);
    expect(statusField(pid, "Uid")).toMatch(/^500000\t/);
    expect(statusField(pid, "Gid")).toMatch(/^400002\t/);
  });

  shows(
    "config-linux.md#user-namespace-mappings",
    "the program is the config's user inside, and owns its namespaces",
    () => {
      const box = container((config) => {
        withUserNamespace(config);
        const names = ["CAP_SYS_ADMIN", "CAP_CHOWN"];
        processOf(config).capabilities = { bounding: names, effective: names, permitted: names };
      });
      box.probe(
        "--stat",
        "/",
        "--mount",
        "/tmp",
        "--write",
        "/proc/sys/kernel/hostname",
        "--create",
        "/dev/shm/x",
        "--stat",
        "/dev/shm/x",
      );

      const seen = box.see();

      expect(seen.uids).toEqual([0, 0, 0, 0]);
      // The rootfs belongs to the host's root, whom nothing in the namespace stands for.
      expect(tried(seen, "stat", "/")).toMatchObject({ uid: 65534, gid: 65534 });
      expect(tried(seen, "mount", "/tmp").error).toBe("");
      expect(tried(seen, "stat", "/dev/shm/x")).toMatchObject({ uid: 0, gid: 0 });
    },
  );

  shows(
    "config-linux.md#user-namespace-mappings",
    "what the container writes belongs to the mapped id on the host",
    () => {
      const box = container((config) => {
        withUserNamespace(config, 100000);
        processOf(config).user = { uid: 7, gid: 8 };
      });
      const shared = box.share("/shared");
      box.probe("--create", "/shared/file");

      expect(tried(box.see(), "create", "/shared/file").error).toBe("");

      expect(statSync(join(shared, "file"))).toMatchObject({ uid: 100007, gid: 100008 });
    },
  );

  shows(
    "config-linux.md#user-namespace-mappings",
    "the runtime does not change the owner of the rootfs",
    () => {
      const box = container((config) => withUserNamespace(config));
      const before = statSync(box.rootfsDir);

      box.see();

      expect(statSync(box.rootfsDir)).toMatchObject({
        uid: before.uid,
        gid: before.gid,
        mode: before.mode,
      });
    },
  );

  shows(
    "config-linux.md#user-namespace-mappings",
    "devices and links of /dev are there in a user namespace",
    () => {
      const box = container((config) => withUserNamespace(config));
      box.probe(
        "--open",
        "/dev/null",
        "--open",
        "/dev/zero",
        "--open",
        "/dev/urandom",
        "--stat",
        "/dev/null",
        "--stat",
        "/dev/fd",
        "--stat",
        "/dev/ptmx",
      );

      const seen = box.see();

      expect(seen.tries.slice(0, 3).map(({ error }) => error)).toEqual(["", "", ""]);
      expect(tried(seen, "stat", "/dev/null")).toMatchObject({ type: "character", rdev: "1:3" });
      expect(tried(seen, "stat", "/dev/fd").target).toBe("/proc/self/fd");
    },
  );

  shows(
    "config-linux.md#user-namespace-mappings",
    "a bind source that the container's ids cannot reach is bound all the same",
    () => {
      const box = container((config) => withUserNamespace(config));
      const hidden = join(box.dir, "hidden");
      mkdirSync(hidden, { mode: 0o700 });
      writeFileSync(join(hidden, "file"), "reached", { mode: 0o644 });
      writeFileSync(join(box.rootfsDir, "reached"), "");
      box.config.mounts.push({
        destination: "/reached",
        source: join(hidden, "file"),
        options: ["bind"],
      });
      box.probe("--read", "/reached");

      expect(tried(box.see(), "read", "/reached")).toMatchObject({ error: "", content: "reached" });
    },
  );

  shows(
    "config-linux.md#user-namespace-mappings",
    "a user namespace is joined by path, and its ids hold",
    () => {
      const holder = container((config) => withUserNamespace(config, 600000));
      holder.probe("--wait");
      holder.do("create");
      const { pid } = holder.state();
      const box = container((config) => {
        config.linux.namespaces.push({ type: "user", path: `/proc/${pid}/ns/user` });
      });
      box.probe("--wait");

      box.do("create");

      const other = box.state().pid;
      expect(namespaceOf(other, "user")).toBe(namespaceOf(pid, "user"));
      expect(statusField(other, "Uid")).toMatch(/^600000\t/);
    },
  );

  shows(
    "config-linux.md#user-namespace-mappings",
    "mappings that are those of the joined namespace are accepted",
    () => {
      const holder = container((config) => withUserNamespace(config, 600000));
      holder.probe("--wait");
      holder.do("create");
      const path = `/proc/${holder.state().pid}/ns/user`;
      const box = container((config) => {
        withUserNamespace(config, 600000);
        config.linux.namespaces = config.linux.namespaces.map((entry) =>
          entry.type === "user" ? { type: "user", path } : entry,
        );
      });

      expect(box.see().namespaces.user).toBe(namespaceOf(holder.state().pid, "user"));
    },
  );

  shows(
    "config-linux.md#user-namespace-mappings",
    "mappings without a user namespace are refused",
    () => {
      const box = container((config) => {
        withUserNamespace(config);
        config.linux.namespaces.pop();
      });

      expectRefusal(box.attempt("create"), /mappings?/i);

      expect(box.leftovers()).toEqual([]);
    },
  );

  shows(
    "config-linux.md#user-namespace-mappings",
    "a new user namespace without mappings is refused",
    () => {
      const box = container((config) => config.linux.namespaces.push({ type: "user" }));

      expectRefusal(box.attempt("create"), /mappings?/i);

      expect(box.leftovers()).toEqual([]);
    },
  );

  shows("config-linux.md#user-namespace-mappings", "a user that is not mapped is refused", () => {
    const box = container((config) => {
      withUserNamespace(config);
      processOf(config).user = { uid: 70000, gid: 0 };
    });

    expectRefusal(box.attempt("create"));

    expect(box.leftovers()).toEqual([]);
  });

  shows("CVE-2021-43784", "more mappings than the kernel takes are refused", () => {
    const many = Array.from({ length: 5000 }, (_, index) => ({
      containerID: index,
      hostID: 100000 + index * 2,
      size: 1,
    }));
    const box = container((config) => {
      withUserNamespace(config);
      config.linux.uidMappings = many;
    });

    expectRefusal(box.attempt("create"));

    expect(box.leftovers()).toEqual([]);
  });

  shows("config-linux.md#user-namespace-mappings", "mappings that overlap are refused", () => {
    const box = container((config) => {
      withUserNamespace(config);
      config.linux.uidMappings = [
        { containerID: 0, hostID: 100000, size: 10 },
        { containerID: 5, hostID: 200000, size: 10 },
      ];
    });

    expectRefusal(box.attempt("create"));

    expect(box.leftovers()).toEqual([]);
  });

  shows("config-linux.md#user-namespace-mappings", "supplementary groups hold inside", () => {
    const box = container((config) => {
      withUserNamespace(config);
      processOf(config).user = { uid: 1, gid: 2, additionalGids: [5, 6] };
    });
    const shared = box.share("/shared");
    writeFileSync(join(shared, "file"), "group", { mode: 0o040 });
    chownSync(join(shared, "file"), 0, 100006);
    box.probe("--read", "/shared/file");

    const seen = box.see();

    expect(seen.groups.sort()).toEqual([5, 6]);
    expect(tried(seen, "read", "/shared/file").content).toBe("group");
    expect(readFileSync(join(shared, "file"), "utf8")).toBe("group");
  });
});
