// What is there that a shim or its runtime has made. For runs that apart.sh has set apart: what is not theirs is
// not to be seen.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { untilEmpty } from "./deadline.mjs";

/** Sockets of shims, and what else they and runtimes keep for a container's life. */
const shimDir = "/run/containerd";

/** Process 1 is the shell of apart.sh. */
const own = new Set([1, process.pid]);

function strangers() {
  const pids = readdirSync("/proc").map(Number);
  return pids.flatMap((pid) => {
    if (Number.isNaN(pid) || own.has(pid)) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const state = /^State:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1];
      return [{ pid, what: `process ${pid}: ${command} (${state})` }];
    } catch (error) {
      // It has ended while we looked.
      if (error.code === "ENOENT" || error.code === "ESRCH") return [];
      throw error;
    }
  });
}

const entries = (dir) => (existsSync(dir) ? readdirSync(dir) : []);

const filesBelow = (dir) =>
  existsSync(dir)
    ? readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    : [];

export class Place {
  /** Where containers' cgroups are, as config.json names it, and where runtimes keep their state. */
  cgroupParent;
  stateRoot;
  #mounts;

  constructor({ cgroupParent, stateRoot }) {
    this.cgroupParent = cgroupParent;
    this.stateRoot = stateRoot;
    this.#mounts = new Set(mountPoints());
  }

  /** One line for each thing. */
  leftovers() {
    return [
      ...strangers().map(({ what }) => what),
      ...this.#newMounts().map((path) => `mount ${path}`),
      ...cgroupsBelow(this.cgroupParent).map((path) => `cgroup ${path}`),
      ...filesBelow(shimDir).map((path) => `file ${path}`),
      ...this.#states().map((path) => `state ${path}`),
    ];
  }

  /** Takes all of it away, so that the next case starts with nothing. Waits for what it kills. */
  async sweep(timeoutMs) {
    for (const { pid } of strangers()) killIfThere(pid);
    await untilEmpty(strangers, timeoutMs);
    for (const path of this.#newMounts().reverse()) spawnSync("umount", ["--lazy", path]);
    for (const path of filesBelow(shimDir)) rmSync(path, { force: true });
    rmSync(this.stateRoot, { recursive: true, force: true });
    removeCgroups(this.cgroupParent);
  }

  #newMounts() {
    return mountPoints().filter((path) => !this.#mounts.has(path));
  }

  /** Below the root there is a directory for each namespace, and in it one for each container. */
  #states() {
    return entries(this.stateRoot).flatMap((namespace) =>
      entries(join(this.stateRoot, namespace))
        .filter((name) => !name.startsWith("@") && !name.startsWith("."))
        .map((name) => join(this.stateRoot, namespace, name)),
    );
  }
}

function killIfThere(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

const mountPoints = () =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(" ")[4]);

function cgroupsBelow(parent) {
  // By the kind of file system: where crun sees no cgroups it makes directories all the same.
  const kinds = ["(", "-fstype", "cgroup", "-o", "-fstype", "cgroup2", ")"];
  const args = ["/sys/fs/cgroup", "-type", "d", "-path", `*${parent}/*`, ...kinds];
  // A cgroup that goes away while it is looked at makes find fail, and is none.
  const { stdout } = spawnSync("find", args, { encoding: "utf8" });
  return stdout.trim().split("\n").filter(Boolean);
}

/** Removes a parent of cgroups and what is below it, from outside; what still has processes stays. */
export function removeCgroups(parent) {
  const find = "find /sys/fs/cgroup -depth -type d";
  execFileSync("sh", [
    "-c",
    `${find} '(' -path "*$1" -o -path "*$1/*" ')' -exec rmdir {} ';' 2>/dev/null
     ${find} -path '*/tsoci-test' -empty -exec rmdir {} ';' 2>/dev/null; true`,
    "sh",
    parent,
  ]);
}
