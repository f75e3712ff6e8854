import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import { allPids, cgroupDirs, isAlive, readProcFile } from "../support/host";
import { waitFor } from "../support/wait";

/**
 * What is on the host of one container, looked for after every fault: faster than support/leaks.ts, which judges
 * the whole run at its end. A network or other namespace lives as long as a process, a mount or a descriptor
 * of it, a lock and a BPF program as long as a descriptor or a cgroup: where none of these is, there are none.
 */
export class Remains {
  readonly #box: Container;
  /** In the environment of every process that an operation starts but for programs, which are in the cgroup. */
  readonly #mark: string;
  readonly #known: ReadonlySet<number>;
  readonly #mounts: string;
  readonly #sockets: ReadonlySet<string>;

  constructor(box: Container, mark: string) {
    this.#box = box;
    this.#mark = mark;
    this.#known = new Set(allPids());
    this.#mounts = mountinfo();
    this.#sockets = new Set(this.#ownSockets());
  }

  /** A line for everything that is still there after a while. */
  find(): string[] {
    try {
      waitFor("nothing to be left", () => this.#look().length === 0, 3_000);
      return [];
    } catch {
      return this.#look();
    }
  }

  #look(): string[] {
    const { stateRoot, cgroupPath, dir } = this.#box;
    const states = existsSync(stateRoot) ? readdirSync(stateRoot) : [];
    const mounts = mountinfo();
    const strange =
      mounts === this.#mounts ? [] : mounts.split("\n").filter((line) => line.includes(dir));
    return [
      ...states
        .filter((name) => name !== "@seccomp")
        .map((name) => `state ${join(stateRoot, name)}`),
      ...cgroupDirs(cgroupPath).map((path) => `cgroup ${path}`),
      ...strange.map((line) => `mount ${line}`),
      ...this.#ownSockets().filter((line) => !this.#sockets.has(line)),
      ...this.processes(),
    ];
  }

  /** Processes of an operation that has ended, apart from those of the container's cgroup. */
  processes(): string[] {
    return allPids()
      .filter((pid) => !this.#known.has(pid))
      .filter((pid) => readProcFile(pid, "environ")?.includes(this.#mark) && isAlive(pid))
      .map((pid) => `process ${pid} ${readProcFile(pid, "comm")?.trim()}`);
  }

  #ownSockets(): string[] {
    return readFileSync("/proc/net/unix", "utf8")
      .split("\n")
      .filter((line) => line.includes(this.#box.dir))
      .map((line) => `socket ${line.slice(line.indexOf("/"))}`);
  }
}

const mountinfo = () => readFileSync("/proc/self/mountinfo", "utf8");
