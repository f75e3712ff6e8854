import { processOf, withoutMountsBelow } from "../support/config";
import type { Container } from "../support/container";
import { terminalTool } from "../support/environment";
import type { Report } from "../support/report";

/** A name in the rootfs that a runtime looks up, makes, mounts on or opens. */
export interface Place {
  readonly path: string;
  /** Has the runtime go there. */
  readonly ask: (box: Container) => void;
  /** What stands before the runtime. */
  readonly through?: readonly string[];
  /** What a container that runs all the same must be. */
  readonly isRight?: (report: Report) => boolean;
}

const mounted = (destination: string, type: string) => (box: Container) => {
  box.config.mounts.push({ destination, type, source: "hostile" });
};

const bound = (destination: string, source: (box: Container) => string) => (box: Container) => {
  box.config.mounts.push({ destination, source: source(box), options: ["bind"] });
};

const bindDirectory = (destination: string) => bound(destination, ({ dir }) => dir);
const bindFile = (destination: string) => bound(destination, () => "/etc/hostname");

/** What is mounted is there once, wherever in the rootfs the image had it put. */
const mountedOnce = (report: Report) =>
  report.mounts.filter(({ source }) => source === "hostile").length === 1;

const device = (path: string) => (box: Container) => {
  box.config.linux.devices = [{ type: "c", path, major: 1, minor: 3, fileMode: 0o666 }];
};

/** The image's own /dev, where the runtime makes everything itself. */
function withoutDev({ config }: Container): void {
  const devpts = config.mounts.filter(({ destination }) => destination === "/dev/pts");
  withoutMountsBelow(config, "/dev");
  config.mounts.push(...devpts);
}

function withTerminal(box: Container): void {
  withoutDev(box);
  processOf(box.config).terminal = true;
}

const isReal = (path: string, type: string) => (report: Report) =>
  report.mounts.filter(({ target }) => target === path).every((mount) => mount.type === type) &&
  report.mounts.some(({ target }) => target === path);

export const places: Record<string, Place> = {
  "the mount point of a file system": {
    path: "/place",
    ask: mounted("/place", "tmpfs"),
    isRight: mountedOnce,
  },
  "the directory above a mount point": {
    path: "/place",
    ask: mounted("/place/below/deep", "tmpfs"),
    isRight: mountedOnce,
  },
  "the mount point of a bound directory": { path: "/place", ask: bindDirectory("/place") },
  "the mount point of a bound file": {
    path: "/etc/resolv.conf",
    ask: bindFile("/etc/resolv.conf"),
  },
  "the directory above a bound file": { path: "/place", ask: bindFile("/place/file") },
  "what a tmpfs copies up": {
    path: "/full/place",
    ask: ({ config }) =>
      config.mounts.push({
        destination: "/full",
        type: "tmpfs",
        source: "hostile",
        options: ["tmpcopyup"],
      }),
    isRight: mountedOnce,
  },
  "the mount point of cgroups": { path: "/place", ask: mounted("/place", "cgroup") },
  "what is mounted once more": {
    path: "/place",
    ask: ({ config }) =>
      config.mounts.push({ destination: "/place", options: ["bind", "remount", "ro"] }),
  },
  "/proc": { path: "/proc", ask: () => {}, isRight: isReal("/proc", "proc") },
  "/sys": { path: "/sys", ask: () => {}, isRight: isReal("/sys", "sysfs") },
  "/dev with a mount on it": { path: "/dev", ask: () => {} },
  "/dev without one": { path: "/dev", ask: withoutDev },
  "/dev/null": { path: "/dev/null", ask: withoutDev },
  "/dev/ptmx": { path: "/dev/ptmx", ask: withoutDev },
  "/dev/fd": { path: "/dev/fd", ask: withoutDev },
  "/dev/pts": { path: "/dev/pts", ask: withoutDev },
  "/dev/console": {
    path: "/dev/console",
    ask: withTerminal,
    through: [terminalTool, "run", "24", "80"],
  },
  "the name of a device": { path: "/node", ask: device("/node") },
  "the directory above a device": { path: "/place", ask: device("/place/node") },
  "a masked path": {
    path: "/place",
    ask: ({ config }) => {
      config.linux.maskedPaths = ["/place", "/place/canary", "/place/below"];
    },
  },
  "a read-only path": {
    path: "/place",
    ask: ({ config }) => {
      config.linux.readonlyPaths = ["/place", "/place/canary", "/place/below"];
    },
  },
  "the working directory": {
    path: "/place",
    ask: ({ config }) => {
      processOf(config).cwd = "/place";
    },
    isRight: ({ cwd }) => cwd.startsWith("/"),
  },
  "the working directory below": {
    path: "/place",
    ask: ({ config }) => {
      processOf(config).cwd = "/place/below";
    },
    isRight: ({ cwd }) => cwd.startsWith("/"),
  },
  "the list of users": {
    path: "/etc/passwd",
    ask: ({ config }) => {
      processOf(config).user = { uid: 1000, gid: 1000 };
      processOf(config).env = ["PATH=/"];
    },
    isRight: ({ env }) => env.includes("HOME=/"),
  },
  "the list of groups": {
    path: "/etc/group",
    ask: ({ config }) => {
      processOf(config).user = { uid: 1000, gid: 1000, additionalGids: [7] };
    },
    isRight: ({ groups }) => groups.join() === "7",
  },
  "the program": {
    path: "/bin/program",
    ask: ({ config }) => {
      processOf(config).args = ["/bin/program"];
    },
  },
};
