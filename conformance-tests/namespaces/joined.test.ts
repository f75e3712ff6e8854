import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useBackground } from "../support/background";
import { withoutMountsBelow, withoutNamespace } from "../support/config";
import type { Container } from "../support/container";
import { isAlive, namespaceOf } from "../support/host";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { type MakeContainer, useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

const links: Record<string, string> = {
  pid: "pid",
  network: "net",
  ipc: "ipc",
  uts: "uts",
  cgroup: "cgroup",
  time: "time",
};

/** A container that waits, and whose namespaces others can join. */
function holderOf(container: MakeContainer, ...more: string[]): { holder: Container; pid: number } {
  const holder = container((config) => {
    config.linux.namespaces.push(...more.map((type) => ({ type })));
  });
  holder.probe("--wait");
  holder.do("create");
  return { holder, pid: holder.state().pid };
}

function notInBase(type: string): string[] {
  return type === "cgroup" || type === "time" ? [type] : [];
}

function joinNamespace(box: Container, type: string, path: string): void {
  withoutNamespace(box.config, type);
  box.config.linux.namespaces.push({ type, path });
  if (type === "uts") delete box.config.hostname;
  box.writeConfig();
}

rootSuite("namespaces: joined", () => {
  const container = useContainers();
  const { start } = useBackground();

  for (const [type, link] of Object.entries(links)) {
    shows(
      "config-linux.md#namespaces",
      `a ${type} namespace with a path is joined, and outlives delete`,
      () => {
        const { holder, pid } = holderOf(container, ...notInBase(type));
        const box = container();
        joinNamespace(box, type, `/proc/${pid}/ns/${link}`);

        expect(box.see().namespaces[link]).toBe(namespaceOf(pid, link));

        expect(holder.state().status).toBe("created");
        expect(isAlive(pid)).toBe(true);
      },
    );
  }

  shows("config-linux.md#namespaces", "a mount namespace with a path is joined", () => {
    const holder = start("unshare", ["--mount", "--propagation", "private", "sleep", "60"]);
    waitFor(
      "a mount namespace",
      () => namespaceOf(holder.pid, "mnt") !== namespaceOf("self", "mnt"),
    );
    const box = container();
    joinNamespace(box, "mount", `/proc/${holder.pid}/ns/mnt`);

    box.do("create");

    expect(namespaceOf(box.state().pid, "mnt")).toBe(namespaceOf(holder.pid, "mnt"));
  });

  shows(
    "config-linux.md#namespaces",
    "the program of a joined pid namespace is not its process 1",
    () => {
      const { pid } = holderOf(container);
      const box = container();
      joinNamespace(box, "pid", `/proc/${pid}/ns/pid`);

      expect(box.see().pid).toBeGreaterThan(1);
    },
  );

  shows(
    "config-linux.md#namespaces",
    "all namespaces of another container can be joined at once",
    () => {
      const { pid } = holderOf(container, "cgroup", "time");
      const box = container();
      for (const [type, link] of Object.entries(links))
        joinNamespace(box, type, `/proc/${pid}/ns/${link}`);

      const seen = box.see();

      for (const link of Object.values(links)) {
        expect(seen.namespaces[link]).toBe(namespaceOf(pid, link));
      }
    },
  );

  shows(
    "config-linux.md#namespaces",
    "a namespace file that is bound elsewhere and a symlink to one can be joined",
    () => {
      const { pid } = holderOf(container);
      const box = container();
      const link = join(box.dir, "link");
      execFileSync("ln", ["-s", `/proc/${pid}/ns/net`, link]);
      joinNamespace(box, "network", link);

      expect(box.see().namespaces.net).toBe(namespaceOf(pid, "net"));
    },
  );

  shows(
    "config-linux.md#namespaces",
    "interfaces of a joined network namespace are left alone",
    () => {
      const holder = start("unshare", ["--net", "sleep", "60"]);
      waitFor(
        "a network namespace",
        () => namespaceOf(holder.pid, "net") !== namespaceOf("self", "net"),
      );
      const box = container((config) => withoutMountsBelow(config, "/sys"));
      joinNamespace(box, "network", `/proc/${holder.pid}/ns/net`);

      expect(box.see().interfaces).toMatchObject([{ name: "lo", up: false }]);
    },
  );

  for (const type of [...Object.keys(links), "user"]) {
    shows("config-linux.md#namespaces", `a path of another type than ${type} is refused`, () => {
      const wrong = type === "network" ? "ipc" : "net";
      const { pid } = holderOf(container);
      const box = container();
      joinNamespace(box, type, `/proc/${pid}/ns/${wrong}`);

      expectRefusal(box.attempt("create"), `/proc/${pid}/ns/${wrong}`);

      expect(box.leftovers()).toEqual([]);
    });
  }

  shows(
    "config-linux.md#namespaces",
    "a path that is no namespace is refused, and nothing hangs on it",
    () => {
      const box = container();
      const fifo = join(box.dir, "fifo");
      execFileSync("mkfifo", [fifo]);
      const file = join(box.dir, "file");
      writeFileSync(file, "");
      const dir = join(box.dir, "dir");
      mkdirSync(dir);

      for (const path of [fifo, file, dir, "/dev/null", "/dev/zero", join(box.dir, "missing")]) {
        joinNamespace(box, "network", path);
        expectRefusal(box.attempt("create", [], { timeoutMs: 5_000 }), path);
        expect(box.leftovers()).toEqual([]);
      }
    },
  );

  shows("config-linux.md#namespaces", "a relative path is refused", () => {
    const box = container();
    joinNamespace(box, "network", "ns/net");

    expectRefusal(box.attempt("create"), "ns/net");

    expect(box.leftovers()).toEqual([]);
  });

  shows("config-linux.md#namespaces", "a type that is listed twice is refused", () => {
    const box = container((config) => config.linux.namespaces.push({ type: "ipc" }));

    expectRefusal(box.attempt("create"), "ipc");

    expect(box.leftovers()).toEqual([]);
  });

  shows("config-linux.md#namespaces", "a type that there is not is refused", () => {
    const box = container((config) => config.linux.namespaces.push({ type: "space" }));

    expectRefusal(box.attempt("create"), "space");

    expect(box.leftovers()).toEqual([]);
  });
});
