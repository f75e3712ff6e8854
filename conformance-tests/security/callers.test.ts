import { closeSync, openSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Config, processOf, withUserNamespace } from "../support/config";
import { parseReport } from "../support/container";
import { terminalTool } from "../support/environment";
import { hierarchies } from "../support/host";
import { Outside } from "../support/outside";
import { type Report, tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const atTerminal = [terminalTool, "run", "24", "80"] as const;

/** TIOCSTI on standard input, of a byte that every program has at its beginning. */
const pushInput = "16:0:0x5412:0x400000";

/** The caller's terminal, if the program has that, is not the one it may push input into. */
function expectNothingTyped(seen: Report): void {
  // Kernels since 6.2 may refuse it to everybody: EIO.
  const refusals = seen.terminals[0]?.isTerminal ? ["EPERM", "EIO"] : ["ENOTTY"];
  expect(refusals).toContain(tried(seen, "syscall", pushInput).error);
}

function mountCgroups(config: Config): void {
  const options = ["nosuid", "noexec", "nodev", "relatime", "ro"];
  config.mounts.push({
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options,
  });
}

/** Who may have the cgroups of the host before them. */
const surroundings: Record<string, (config: Config) => void> = {
  "without a cgroup namespace": () => {},
  "with a cgroup namespace": (config) => config.linux.namespaces.push({ type: "cgroup" }),
  "in a user namespace": (config) => withUserNamespace(config),
};

rootSuite("security: what a container could do to who started it", () => {
  const container = useContainers();

  shows("CVE-2016-10124", "nothing is typed into the terminal of the caller", () => {
    const box = container();
    box.probe("--syscall", pushInput);

    const seen = box.see([], { through: atTerminal });

    expectNothingTyped(seen);
    expect(seen.controllingTerminal).not.toBe("");
  });

  shows("CVE-2016-10124", "nor by a further process", () => {
    const box = container();
    box.runWaiting();

    const outcome = box.exec(["/probe", "--syscall", pushInput], [], { through: atTerminal });

    expectNothingTyped(parseReport(outcome.stdout));
  });

  for (const [where, edit] of Object.entries(surroundings)) {
    shows("CVE-2023-25809", `${where} read-only cgroups are read-only`, () => {
      const box = container((config) => {
        mountCgroups(config);
        edit(config);
      });
      const places = ["", ...hierarchies().map(({ mountPoint }) => `/${basename(mountPoint)}`)];
      const tries = places.flatMap((place) => [
        "--mkdir",
        `/sys/fs/cgroup${place}/made`,
        "--write",
        `/sys/fs/cgroup${place}/cgroup.procs`,
      ]);
      box.probe(...tries);

      const seen = box.see();

      const mounts = seen.mounts.filter(({ target }) => target.startsWith("/sys/fs/cgroup"));
      expect(mounts.some(({ type }) => type.startsWith("cgroup"))).toBe(true);
      for (const { target, options } of mounts)
        expect({ target, options: options.split(",") }).toEqual({
          target,
          options: expect.arrayContaining(["ro"]),
        });
      expect(seen.tries.filter(({ error }) => error === "")).toEqual([]);
    });
  }

  for (const key of ["../cgroup.procs", "a/../../cgroup.procs", "/cgroup.procs", "..", ".", ""]) {
    shows("GHSA-5g49-rx9x-qfc6", `${JSON.stringify(key)} is no file of a cgroup`, () => {
      const box = container((config) => {
        config.linux.resources = { unified: { [key]: "1" } };
      });

      expectRefusal(box.attempt("create"), "unified");

      expect(box.leftovers()).toEqual([]);
    });
  }

  shows("CVE-2026-53488", "an annotation is no command and no file of the host", () => {
    const box = container();
    const outside = new Outside(box);
    const made = join(outside.dir, "made");
    box.config.annotations = {
      "run.oci.hooks.stdout": made,
      "run.oci.hooks.stderr": join(outside.dir, "canary"),
      "org.criu.config": `${made}\n`,
      "cdi.k8s.io/device": `vendor.example/device=$(touch ${made})`,
      "io.kubernetes.cri.sandbox-log-directory": outside.dir,
      "org.systemd.property.ExecStartPre": `[('/bin/touch', ['touch', '${made}'], false)]`,
      "nerdctl/extraHosts": `; touch ${made}`,
    };
    const noisy = box.script("noisy", "echo out; echo err >&2");
    box.config.hooks = { createRuntime: [{ path: noisy }], createContainer: [outside.hook()] };
    box.writeConfig();

    const outcome = box.do("run");

    expect(outside.harm(outcome)).toEqual([]);
  });

  for (const name of ["passwd", "group"]) {
    shows("CVE-2026-47262", `an /etc/${name} without an end is not read to its end`, () => {
      const box = container((config, { rootfsDir }) => {
        const path = join(rootfsDir, "etc", name);
        writeFileSync(path, "u:x:1000:");
        truncateSync(path, 2 ** 42);
        processOf(config).user = { uid: 1000, gid: 1000 };
        processOf(config).env = ["PATH=/"];
      });

      const outcome = box.attempt("run", [], { timeoutMs: 10_000 });

      if (outcome.status !== 0) expectRefusal(outcome);
      else expect(parseReport(outcome.stdout).uids).toEqual([1000, 1000, 1000, 1000]);
    });
  }

  shows(
    "CVE-2025-52565",
    "a hook that lays a symlink for /dev/console gets no terminal there",
    () => {
      const box = container((config, { rootfsDir }) => {
        config.root = { path: "rootfs" };
        processOf(config).terminal = true;
        writeFileSync(join(rootfsDir, "etc/victim"), "1234567");
      });
      const lay = box.script("lay", `rm -f $1/dev/console; ln -s /etc/victim $1/dev/console`);
      const args = ["lay", box.rootfsDir];
      box.config.hooks = { createContainer: [{ path: lay, args, env: ["PATH=/bin:/usr/bin"] }] };
      box.probe("--stat", "/etc/victim");

      const outcome = box.attempt("run", [], { through: atTerminal });

      const victim = join(box.rootfsDir, "etc/victim");
      expect(readFileSync(victim, "utf8")).toBe("1234567");
      expect(statSync(victim).uid).toBe(0);
      if (outcome.status === 0)
        expect(tried(parseReport(outcome.stdout), "stat", "/etc/victim").type).toBe("file");
    },
  );

  shows("CVE-2016-8649", "no file of the host's procfs is left open for the program", () => {
    const box = container();
    const fds = ["/proc/self/mountinfo", "/proc", "/proc/self/ns/mnt"].map((path) =>
      openSync(path, "r"),
    );

    const seen = box.see([], { fds });

    for (const fd of fds) closeSync(fd);
    expect(seen.fds.map(({ fd }) => fd)).toEqual([0, 1, 2]);
  });

  shows("CVE-2021-32760", "a bundle that others can reach does not open the state", () => {
    const box = container();
    box.probe("--wait");

    box.do("create", [], { through: ["sh", "-c", 'umask 0; exec "$@"', "sh"] });

    for (const path of [box.stateRoot, join(box.stateRoot, box.id)])
      expect({ path, mode: statSync(path).mode & 0o077 }).toEqual({ path, mode: 0 });
  });
});
