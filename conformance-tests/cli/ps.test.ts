import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useBackground } from "../support/background";
import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { cgroupDirs, isAlive, killIfAlive, readProcFile } from "../support/host";
import { callRuntime, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

/** Puts a process into a new cgroup below a container's. */
function moveBelow(dir: string, pid: number): void {
  const below = join(dir, "below");
  mkdirSync(below);
  for (const file of ["cpuset.cpus", "cpuset.mems"].filter((name) => existsSync(join(dir, name)))) {
    const inherited = readFileSync(join(dir, file), "utf8");
    if (inherited.trim() !== "") writeFileSync(join(below, file), inherited);
  }
  writeFileSync(join(below, "cgroup.procs"), String(pid));
}

rootSuite("ps", () => {
  const container = useContainers();
  const { start } = useBackground();

  function running(line: string): Container {
    const box = container((config) => {
      processOf(config).args = ["/bin/sh", "-c", line];
    });
    box.addBusybox();
    box.do("create");
    box.do("start");
    return box;
  }

  const ps = (box: Container, before: readonly string[], after: readonly string[] = []) =>
    callRuntime(["--root", box.stateRoot, "ps", ...before, box.id, ...after]);

  shows(
    "peers",
    "a table has the header of ps, and the container's processes by their pids on the host",
    () => {
      const box = running("sleep 100 & exec sleep 101");
      const { pid } = box.state();
      const rows = waitFor("both processes", () => {
        const [header = "", ...lines] = ps(box, []).stdout.trimEnd().split("\n");
        expect(header).toMatch(/^UID +PID +PPID +C +STIME +TTY +TIME +CMD$/);
        return lines.filter((line) => line.includes("sleep 10")).length === 2 && lines;
      });

      expect(rows).toHaveLength(2);
      expect(rows.some((row) => row.split(/ +/)[1] === String(pid))).toBe(true);
    },
    ["static busybox"],
  );

  shows(
    "peers",
    "options behind the id are for ps",
    () => {
      const box = running("exec sleep 100");

      const { status, stdout, stderr } = ps(box, [], ["-e", "-x"]);

      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const [header = "", ...rows] = stdout.trimEnd().split("\n");
      expect(header).toMatch(/^ *PID +TTY +STAT +TIME +COMMAND$/);
      expect(rows).toHaveLength(1);
      expectRefusal(ps(box, [], ["-o", "comm"]), "couldn't find PID field in ps output");
      expectRefusal(ps(box, ["--format", "yaml"]), '"table" or "json"');
    },
    ["static busybox"],
  );

  shows(
    "peers",
    "the pids alone are an array, with those of cgroups below and of nested pid namespaces",
    () => {
      const box = running("exec sleep 100");
      const { pid } = box.state();
      const helper = start("unshare", ["--pid", "--fork", "--kill-child", "sleep", "100"]);
      // No child yet reads as zero, and that would be this process, for all files of a cgroup.
      const nested = waitFor(
        "the process in a pid namespace of its own",
        () => Number(readProcFile(helper.pid, `task/${helper.pid}/children`)) || undefined,
      );
      for (const dir of cgroupDirs(box.cgroupPath)) moveBelow(dir, nested);

      const { stdout, stderr } = ps(box, ["-f", "json"]);

      expect(stderr).toBe("");
      expect(stdout).toMatch(/^\[\d+,\d+\]\n$/);
      expect(JSON.parse(stdout)).toEqual([pid, nested].sort((a, b) => a - b));
      // `delete` leaves alone whom the container did not make.
      killIfAlive(nested);
      waitFor("it to end", () => !isAlive(nested));
    },
    ["static busybox"],
  );

  shows("peers", "a stopped container has no processes, and that is no error", () => {
    const box = container();
    box.do("create");
    box.do("start");
    box.waitUntilStopped();

    const json = ps(box, ["--format=json"]);
    const table = ps(box, []);

    expect(json).toMatchObject({ status: 0, stdout: "null\n", stderr: "" });
    expect(table).toMatchObject({ status: 0, stderr: "" });
    expect(table.stdout.trimEnd().split("\n")).toHaveLength(1);
    expectRefusal(callRuntime(["--root", box.stateRoot, "ps", "nobody"]), "does not exist");
  });
});
