import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { scratchDir } from "./environment";
import { waitFor } from "./wait";

/** All cgroups of all runs of the tests are below this one, in every hierarchy. */
const cgroupTop = "/tsoci-test";

/** All cgroups of this run are below this one: another run may be going on. */
export function cgroupParent(): string {
  return join(cgroupTop, basename(scratchDir()));
}

export function makeCgroupParent(): void {
  for (const path of [cgroupTop, cgroupParent()]) makeCgroups(path);
}

/** Makes a cgroup in every hierarchy; the one above it is there. */
export function makeCgroups(path: string): void {
  for (const hierarchy of hierarchies()) makeCgroup(hierarchy, path);
}

/** A new cpuset of version 1 has no processors and no memory, and so takes no process. */
function makeCgroup({ mountPoint, controllers }: Hierarchy, path: string): void {
  const dir = join(mountPoint, path);
  mkdirSync(dir, { recursive: true });
  if (!controllers.includes("cpuset")) return;
  for (const name of ["cpuset.cpus", "cpuset.mems"]) {
    writeFileSync(join(dir, name), readFileSync(join(dir, "..", name), "utf8"));
  }
}

export function removeCgroupParent(): void {
  removeCgroups(cgroupParent());
  // Stays while another run has cgroups in it.
  for (const dir of cgroupDirs(cgroupTop)) removeIfEmpty(dir);
}

export interface Hierarchy {
  readonly mountPoint: string;
  readonly version: 1 | 2;
  /** Controllers of a version 1 hierarchy, or `name=...`. */
  readonly controllers: readonly string[];
}

export interface HostMount {
  readonly id: string;
  readonly root: string;
  readonly target: string;
  readonly type: string;
  readonly source: string;
  readonly superOptions: string;
}

export function readMounts(pid: number | "self" = "self"): HostMount[] {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => {
    const words = line.split(" ");
    const end = words.indexOf("-");
    const word = (index: number) => words[index] ?? "";
    return {
      id: word(0),
      root: word(3),
      target: word(4),
      type: word(end + 1),
      source: word(end + 2),
      superOptions: word(end + 3),
    };
  });
}

export function hierarchies(): Hierarchy[] {
  return readMounts()
    .filter(({ type }) => type === "cgroup" || type === "cgroup2")
    .map(({ target, type, superOptions }) => ({
      mountPoint: target,
      version: type === "cgroup2" ? 2 : 1,
      controllers: superOptions.split(",").filter((word) => word !== "rw" && word !== "ro"),
    }));
}

/** The directories that a cgroup path has, by hierarchy. */
export function cgroupDirs(path: string): string[] {
  return hierarchies()
    .map(({ mountPoint }) => join(mountPoint, path))
    .filter((dir) => existsSync(dir));
}

export function cgroupDir(controller: string, path: string): string {
  const found = hierarchies().find(({ controllers }) => controllers.includes(controller));
  if (found === undefined)
    throw new Error(`no cgroup hierarchy has the controller "${controller}"`);
  return join(found.mountPoint, path);
}

/** The disk that holds a directory; undefined where none does, as in memory. A partition counts as its disk. */
export function diskBelow(dir: string): { major: number; minor: number } | undefined {
  const { dev } = statSync(dir);
  const number = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  const device = `/sys/dev/block/${number}`;
  if (!existsSync(device)) return undefined;
  const disk = existsSync(join(device, "partition")) ? join(realpathSync(device), "..") : device;
  const [major = 0, minor = 0] = readFileSync(join(disk, "dev"), "utf8").split(":").map(Number);
  return { major, minor };
}

/** Of a controller that both versions have: whether it is one of v1, and the directory of a cgroup there. */
export function controllerDir(controller: string, path: string): { version: 1 | 2; dir: string } {
  const legacy = hierarchies().some(({ controllers }) => controllers.includes(controller));
  if (legacy) return { version: 1, dir: cgroupDir(controller, path) };
  return { version: 2, dir: unifiedDir(path) };
}

export function unifiedDir(path: string): string {
  const found = hierarchies().find(({ version }) => version === 2);
  if (found === undefined) throw new Error("there is no cgroup v2 hierarchy");
  return join(found.mountPoint, path);
}

/** Freezes the processes of a cgroup, by the freezer that this machine has; returns the way back. */
export function freezeCgroup(path: string): () => void {
  const { version, dir } = controllerDir("freezer", path);
  const file = join(dir, version === 1 ? "freezer.state" : "cgroup.freeze");
  const [frozen, thawed] = version === 1 ? ["FROZEN", "THAWED"] : ["1", "0"];
  writeFileSync(file, frozen);
  return () => writeFileSync(file, thawed);
}

/** Whether every process of a cgroup stands still: to ask for it is not yet to have it. */
export function isCgroupFrozen(path: string): boolean {
  const { version, dir } = controllerDir("freezer", path);
  const [file, said] =
    version === 1 ? ["freezer.state", "FROZEN\n"] : ["cgroup.events", "frozen 1\n"];
  return readFileSync(join(dir, file), "utf8").includes(said);
}

/** Ends what runs in a cgroup of the tests, and removes it and everything below it, in every hierarchy. */
export function removeCgroups(path: string): void {
  if (!path.startsWith(cgroupParent())) throw new Error(`"${path}" is not a cgroup of the tests`);
  for (const dir of cgroupDirs(path)) thawBelow(dir);
  for (const dir of cgroupDirs(path)) removeCgroupDir(dir);
}

function removeCgroupDir(dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroupDir(join(dir, entry.name));
  }
  waitFor(`the cgroup "${dir}" to be empty`, () => {
    for (const pid of pidsIn(dir)) killIfAlive(pid);
    return removeIfEmpty(dir);
  });
}

/** A process in a frozen cgroup of version 1 cannot even be killed. */
function thawBelow(dir: string): void {
  const state = join(dir, "freezer.state");
  if (existsSync(state)) writeFileSync(state, "THAWED");
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) thawBelow(join(dir, entry.name));
  }
}

export function pidsIn(cgroup: string): number[] {
  try {
    return readFileSync(join(cgroup, "cgroup.procs"), "utf8")
      .split("\n")
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

function removeIfEmpty(dir: string): boolean {
  try {
    rmdirSync(dir);
    return true;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return true;
    if (code === "EBUSY" || code === "ENOTEMPTY") return false;
    throw cause;
  }
}

export function killIfAlive(pid: number): void {
  // Zero would be our own process group, and a stopped container has the pid zero.
  if (!(pid > 1)) throw new Error(`${pid} is not the pid of a process to kill`);
  try {
    process.kill(pid, "SIGKILL");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
  }
}

/** Undefined when there is no such process. */
export function readProcFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}

/** "Z" is a process that has ended and that nobody has waited for. */
export function isAlive(pid: number): boolean {
  const stat = readProcFile(pid, "stat");
  return stat !== undefined && !/^\d+ \(.*\) [ZX]/s.test(stat);
}

/** Clock ticks after boot at which the process started: tells it from a later one of the same pid. */
export function startTimeOf(pid: number): string | undefined {
  return readProcFile(pid, "stat")
    ?.replace(/^.*\) /s, "")
    .split(" ")[19];
}

/** The path of a process's cgroup of version 2. */
export function cgroupOf(pid: number): string {
  const path = /^0::(.*)$/m.exec(readProcFile(pid, "cgroup") ?? "")?.[1];
  if (path === undefined) throw new Error(`process ${pid} has no cgroup of version 2`);
  return path;
}

export function namespaceOf(pid: number | "self", kind: string): string {
  return readlinkSync(`/proc/${pid}/ns/${kind}`);
}

export function allPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

export function statusField(pid: number, field: string): string {
  const line = readProcFile(pid, "status")
    ?.split("\n")
    .find((text) => text.startsWith(`${field}:`));
  if (line === undefined) throw new Error(`process ${pid} has no "${field}"`);
  return line.slice(field.length + 1).trim();
}
