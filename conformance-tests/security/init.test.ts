import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { until, useBackground } from "../support/background";
import { processOf, withoutMountsBelow, withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import { launchTool, runtimePath, terminalTool } from "../support/environment";
import { allPids, readProcFile, statusField } from "../support/host";
import { callRuntime } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

function createWaiting(box: Container): number {
  box.probe("--wait");
  box.do("create");
  return box.state().pid;
}

function linksOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    return entry.isDirectory() ? [path, ...filesBelow(path)] : [path];
  });
}

rootSuite("security: init, state and what they show", () => {
  const container = useContainers();
  const { start } = useBackground();

  shows("CVE-2019-5736", "init runs from memory, not from a file of the host", () => {
    const pid = createWaiting(container());

    expect(readlinkSync(`/proc/${pid}/exe`)).toMatch(/^\/memfd:.* \(deleted\)$/);
  });

  shows("CVE-2019-5736", "a program that is /proc/self/exe cannot change the runtime", () => {
    const before = createHash("sha256").update(readFileSync(runtimePath)).digest("hex");
    const box = container((config, { rootfsDir }) => {
      writeFileSync(join(rootfsDir, "entry"), "#!/proc/self/exe\n", { mode: 0o755 });
      processOf(config).args = ["/entry"];
    });

    box.attempt("run");
    processOf(box.config).args = ["/proc/self/exe"];
    box.writeConfig();
    box.attempt("run");

    expect(createHash("sha256").update(readFileSync(runtimePath)).digest("hex")).toBe(before);
    expect(box.leftovers()).toEqual([]);
  });

  shows("CVE-2019-5736", "what init was run from cannot be written, even when init is gone", () => {
    const box = container();
    const pid = createWaiting(box);
    const held = openSync(`/proc/${pid}/exe`, "r");
    try {
      box.do("start");
      box.report();

      // While it ran, the kernel would have said ETXTBSY.
      const write = () => writeFileSync(`/proc/self/fd/${held}`, "\x7f", { flag: "r+" });
      expect(write).toThrow(/EPERM|EROFS|EACCES/);
    } finally {
      closeSync(held);
    }
  });

  shows(
    "CVE-2016-9962",
    "init is not dumpable: not even the container's root may look into it",
    () => {
      const box = container((config) => withUserNamespace(config, 100000));

      const pid = createWaiting(box);

      // What a process may not be traced by belongs to the host's root.
      expect(statSync(`/proc/${pid}/fd`).uid).toBe(0);
      expect(statSync(`/proc/${pid}/environ`).uid).toBe(0);
    },
  );

  shows(
    "CVE-2016-9962",
    "init is opaque again before hooks run, although the driver had to look into it",
    () => {
      const box = container((config, { dir }) => {
        withUserNamespace(config, 100000);
        config.linux.namespaces.push({ type: "time" });
        config.linux.timeOffsets = { boottime: { secs: 10 } };
        const script = `read state; pid=\${state##*'"pid":'}; stat -c %u /proc/\${pid%%,*}/environ`;
        const args = ["sh", "-c", `${script} >${join(dir, "owner")}`];
        config.hooks = { createRuntime: [{ path: "/bin/sh", args }] };
      });

      createWaiting(box);

      expect(readFileSync(join(box.dir, "owner"), "utf8")).toBe("0\n");
    },
    ["time namespaces"],
  );

  shows("CVE-2024-21626", "init holds no directory of the host", () => {
    const box = container();
    const pid = createWaiting(box);

    // Whatever a link reads, from inside: the file behind it is what counts.
    const own = statSync(`/proc/${pid}/root`).dev;
    const directories = readdirSync(`/proc/${pid}/fd`)
      .map((fd) => ({
        link: readlinkSync(`/proc/${pid}/fd/${fd}`),
        status: statSync(`/proc/${pid}/fd/${fd}`),
      }))
      .filter(({ status }) => status.isDirectory());
    const root = statSync(box.rootfsDir);
    for (const { link, status } of directories) {
      const isOwnRoot = status.dev === own && status.ino === root.ino;
      expect({ link, isOwnRoot }).toEqual({ link, isOwnRoot: true });
    }
    expect(linksOf(pid).some((link) => link.includes("/sys/fs/cgroup"))).toBe(false);
  });

  shows("CVE-2024-21626", "init holds nothing that its caller had open", () => {
    const box = container();
    box.probe("--wait");

    const open = ["--open", "17", "/etc/passwd", "--open", "900", "/tmp"];
    box.do("create", [], { through: [launchTool, ...open, "--"] });

    const links = linksOf(box.state().pid);
    for (const link of ["/etc/passwd", "/tmp"]) expect(links).not.toContain(link);
  });

  shows("CVE-2015-3627", "init's root is the container's", () => {
    const box = container();
    writeFileSync(join(box.rootfsDir, "etc/mark"), "mine");

    const pid = createWaiting(box);

    expect(readFileSync(`/proc/${pid}/root/etc/mark`, "utf8")).toBe("mine");
    expect(readFileSync(`/proc/${pid}/cwd/etc/mark`, "utf8")).toBe("mine");
  });

  shows("CVE-2021-21334", "init's environment holds nothing of the caller's", () => {
    const pid = createWaiting(container());

    expect(readProcFile(pid, "environ") ?? "").not.toMatch(/TSOCI_TEST|PATH=\/usr\/sbin/);
  });

  shows("security", "what waits for start is small, and no process of the engine is left", () => {
    const box = container();

    const pid = createWaiting(box);

    const rollup = readProcFile(pid, "smaps_rollup") ?? "";
    const kibibytes = [...rollup.matchAll(/^Private_\w+: +(\d+) kB/gm)].reduce(
      (sum, [, size]) => sum + Number(size),
      0,
    );
    expect(rollup).toContain("Private_Dirty");
    expect(kibibytes).toBeLessThan(1024);
    expect(statusField(pid, "Threads")).toBe("1");
    const others = allPids().filter(
      (other) => other !== pid && readProcFile(other, "cmdline")?.includes(box.id),
    );
    expect(others).toEqual([]);
  });

  shows("CVE-2024-25621", "state is for nobody but its owner", () => {
    const box = container();
    createWaiting(box);

    const open = [box.stateRoot, ...filesBelow(box.stateRoot)].filter(
      (path) => (lstatSync(path).mode & 0o077) !== 0,
    );

    expect(open).toEqual([]);
  });

  shows("CVE-2020-15257", "no socket of the abstract name space is used", () => {
    const pid = createWaiting(container());

    const held = new Set(linksOf(pid).map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
    const abstract = (readProcFile(process.pid, "net/unix") ?? "")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter((words) => held.has(words[6]) && words[7]?.startsWith("@"));

    expect(abstract).toEqual([]);
  });

  shows("security", "the names . and .. are no containers to delete", () => {
    const box = container();
    box.do("create");
    writeFileSync(join(box.dir, "precious"), "");

    for (const id of [".", "..", "../..", ""]) {
      callRuntime(["--root", box.stateRoot, "delete", "--force", id]);
    }

    expect(existsSync(join(box.dir, "precious"))).toBe(true);
    expect(box.state().status).toBe("created");
  });

  shows("CVE-2015-1331", "a state root that others may write to is not trusted", () => {
    const box = container();
    mkdirSync(box.stateRoot, { mode: 0o777 });
    symlinkSync(box.dir, join(box.stateRoot, "link"));

    const outcome = callRuntime(["--root", box.stateRoot, "delete", "--force", "link"]);

    expect(existsSync(box.bundleDir)).toBe(true);
    expect([0, 1]).toContain(outcome.status);
    rmSync(join(box.stateRoot, "link"), { force: true });
  });

  shows(
    "CVE-2025-52565",
    "a /dev/console that is a symlink does not get the terminal mounted",
    async () => {
      const box = container((config, { rootfsDir, dir }) => {
        // The container's devpts stays, so that there is a terminal to be had.
        const devpts = config.mounts.filter(({ destination }) => destination === "/dev/pts");
        withoutMountsBelow(config, "/dev");
        config.mounts.push(...devpts);
        config.root = { path: "rootfs" };
        writeFileSync(join(rootfsDir, "etc/victim"), "1234567");
        symlinkSync("/etc/victim", join(rootfsDir, "dev/console"));
        processOf(config).terminal = true;
        mkdirSync(join(dir, "outside"));
      });
      box.probe("--read", "/etc/victim");
      const socket = join(box.dir, "console.sock");
      start(terminalTool, ["receive", socket]);
      await until("the socket", () => existsSync(socket));

      box.attempt("run", ["--detach", "--console-socket", socket]);

      expect(readFileSync(join(box.rootfsDir, "etc/victim"), "utf8")).toBe("1234567");
      expect(statSync(join(box.rootfsDir, "etc/victim")).uid).toBe(0);
    },
  );

  shows(
    "CVE-2026-88264",
    "a /dev/console that is a dangling symlink makes no file outside",
    async () => {
      const box = container((config, { rootfsDir, dir }) => {
        const devpts = config.mounts.filter(({ destination }) => destination === "/dev/pts");
        withoutMountsBelow(config, "/dev");
        config.mounts.push(...devpts);
        config.root = { path: "rootfs" };
        mkdirSync(join(dir, "outside"));
        symlinkSync(`../../../../../../../..${dir}/outside/made`, join(rootfsDir, "dev/console"));
        processOf(config).terminal = true;
      });
      const socket = join(box.dir, "console.sock");
      start(terminalTool, ["receive", socket]);
      await until("the socket", () => existsSync(socket));

      box.attempt("run", ["--detach", "--console-socket", socket]);

      expect(readdirSync(join(box.dir, "outside"))).toEqual([]);
    },
  );
});
