import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf, withoutMountsBelow } from "../support/config";
import type { Container } from "../support/container";
import { terminalTool } from "../support/environment";
import type { Outside } from "../support/outside";
import type { Report } from "../support/report";

/** Two names that an attacker exchanges for each other while containers are created. */
export type Pair = readonly [string, string];

export interface Race {
  readonly advisory: string;
  /** Makes the two names, and has the runtime go where they are. */
  readonly lay: (box: Container, outside: Outside) => Pair;
  /** The exchange is a createContainer hook's, once in each round, and nobody's beside. */
  readonly inHook?: boolean;
  readonly through?: readonly string[];
  /** What a container that runs all the same must be. */
  readonly isRight?: (report: Report) => boolean;
}

/** A volume that the container and the attacker share: the directory `x` in it is exchanged for a link out. */
export function shareVolume(box: Container, { climb }: Outside): Pair {
  const volume = join(box.dir, "volume");
  mkdirSync(join(volume, "x/below"), { recursive: true });
  writeFileSync(join(volume, "x/secret"), "masked");
  symlinkSync(climb, join(volume, "link"));
  box.config.mounts.push({ destination: "/vol", source: volume, options: ["rbind"] });
  return [join(volume, "x"), join(volume, "link")];
}

/** A race for the volume's directory, of what a config may have below it. */
const belowVolume =
  (ask: (box: Container) => void): Race["lay"] =>
  (box, outside) => {
    const pair = shareVolume(box, outside);
    ask(box);
    return pair;
  };

/** A race for one name in the volume, which two makers take turns in. */
const inVolume =
  (
    one: (path: string, outside: Outside) => void,
    other: (path: string, outside: Outside) => void,
    ask: (box: Container) => void,
  ): Race["lay"] =>
  (box, outside) => {
    shareVolume(box, outside);
    const pair = ["one", "other"].map((name) => join(box.dir, "volume", name)) as [string, string];
    one(pair[0], outside);
    other(pair[1], outside);
    ask(box);
    return pair;
  };

const mount =
  (destination: string, type: string, ...options: string[]) =>
  ({ config }: Container) => {
    config.mounts.push({ destination, type, source: "raced", options });
  };

const bind = (destination: string, source: (box: Container) => string) => (box: Container) => {
  box.config.mounts.push({ destination, source: source(box), options: ["bind"] });
};

/** A race for a directory of the rootfs itself. */
const inRootfs =
  (name: string, ask: (box: Container) => void): Race["lay"] =>
  (box, outside) => {
    const link = join(box.rootfsDir, "link");
    symlinkSync(outside.climb, link);
    ask(box);
    return [join(box.rootfsDir, name), link];
  };

const file = (path: string) => writeFileSync(path, "");
const fifo = (path: string) => execFileSync("mkfifo", [path]);
const linkOut = (path: string, { climb }: Outside) => symlinkSync(`${climb}/canary`, path);
const linkToProc = (path: string) => symlinkSync("/proc", path);
const directory = (path: string) => mkdirSync(path);

function withoutDev({ config }: Container): void {
  const devpts = config.mounts.filter(({ destination }) => destination === "/dev/pts");
  withoutMountsBelow(config, "/dev");
  config.mounts.push(...devpts);
}

function protect(...paths: string[]): (box: Container) => void {
  return ({ config }) => {
    config.linux.maskedPaths = paths;
    config.linux.readonlyPaths = paths;
  };
}

/** Whole file systems of a type: not what is mounted again of a part of one, to be read-only. */
const targetsOf = ({ mounts }: Report, type: string) =>
  mounts.filter((entry) => entry.type === type && entry.root === "/").map(({ target }) => target);

/** The container's procfs is where it belongs, and nowhere else. */
const hasProc = (report: Report) => targetsOf(report, "proc").join() === "/proc";
const entersNoHost = ({ cwd }: Report) => cwd.startsWith("/");

export const races: Record<string, Race> = {
  "a file system below a directory": {
    advisory: "CVE-2021-30465",
    lay: belowVolume(mount("/vol/x/made/deep", "tmpfs")),
  },
  "a bound directory below a directory": {
    advisory: "CVE-2024-45310",
    lay: belowVolume(bind("/vol/x/made", ({ rootfsDir }) => rootfsDir)),
  },
  "a bound file below a directory": {
    advisory: "CVE-2024-45310",
    lay: belowVolume(bind("/vol/x/made", () => "/etc/hostname")),
  },
  "the mount point of a file system": {
    advisory: "CVE-2021-30465",
    lay: belowVolume(mount("/vol/x", "tmpfs")),
  },
  "the mount point of a file system that only mount(2) makes": {
    advisory: "CVE-2021-30465",
    lay: inVolume(directory, linkToProc, mount("/vol/one", "tmpfs", "iversion")),
    isRight: hasProc,
  },
  "the mount point of cgroups": {
    advisory: "CVE-2021-30465",
    lay: belowVolume(mount("/vol/x/below", "cgroup", "ro")),
  },
  "the mount point of a file, by turns a link": {
    advisory: "CVE-2021-30465",
    lay: inVolume(
      file,
      linkOut,
      bind("/vol/one", () => "/etc/hostname"),
    ),
  },
  "the mount point of a file, by turns a FIFO": {
    advisory: "CVE-2021-30465",
    lay: inVolume(
      file,
      fifo,
      bind("/vol/one", () => "/etc/hostname"),
    ),
  },
  "the mount point of a directory, by turns a file": {
    advisory: "CVE-2021-30465",
    lay: inVolume(directory, file, mount("/vol/one", "tmpfs")),
  },
  "what a tmpfs copies up": {
    advisory: "CVE-2021-30465",
    lay: inVolume(file, linkOut, mount("/vol", "tmpfs", "tmpcopyup")),
  },
  "/proc": {
    advisory: "CVE-2023-27561",
    lay: inRootfs("proc", ({ config }) => {
      config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
      config.linux.readonlyPaths = ["/proc/sys"];
    }),
    // Whoever has the rootfs may also move what is mounted in it; then no mounts are to be seen.
    isRight: (report) => report.mounts.length === 0 || targetsOf(report, "proc").length === 1,
  },
  "/dev without a mount": { advisory: "CVE-2026-47766", lay: inRootfs("dev", withoutDev) },
  "/dev/console": {
    advisory: "CVE-2025-52565",
    lay: (box, { climb }) => {
      withoutDev(box);
      processOf(box.config).terminal = true;
      const pair = ["console", "other"].map((name) => join(box.rootfsDir, "dev", name));
      writeFileSync(pair[0] ?? "", "");
      symlinkSync(`${climb}/console`, pair[1] ?? "");
      return pair as [string, string];
    },
    through: [terminalTool, "run", "24", "80"],
  },
  "the directory of a device": {
    advisory: "CVE-2026-47766",
    lay: belowVolume(({ config }) => {
      const device = { type: "c", major: 1, minor: 3, fileMode: 0o666 };
      config.linux.devices = ["made", "below/made"].map((name) => ({
        ...device,
        path: `/vol/x/${name}`,
      }));
    }),
  },
  "masked and read-only paths": {
    advisory: "GHSA-3q8j-pf29-vwv8",
    lay: belowVolume(protect("/vol/x/secret", "/vol/x/below", "/vol/x")),
  },
  "a masked path, by turns a FIFO": {
    advisory: "CVE-2025-31133",
    lay: inVolume(file, fifo, protect("/vol/one")),
  },
  "the working directory": {
    advisory: "CVE-2024-21626",
    lay: belowVolume(({ config }) => {
      processOf(config).cwd = "/vol/x/below";
    }),
    isRight: entersNoHost,
  },
  "what a hook has exchanged": {
    advisory: "GHSA-3q8j-pf29-vwv8",
    inHook: true,
    lay: belowVolume((box) => {
      protect("/vol/x/secret", "/vol/x/below")(box);
      processOf(box.config).cwd = "/vol/x/below";
    }),
    isRight: entersNoHost,
  },
  "/proc that a hook has exchanged": {
    advisory: "CVE-2025-52881",
    inHook: true,
    lay: (box, outside) => {
      mkdirSync(join(outside.dir, "sys/net/ipv4"), { recursive: true });
      const config = box.config;
      config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
      // A mount point cannot be renamed where it is one: the image has its procfs below /proc.
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/proc");
      return inRootfs("proc", () => {})(box, outside);
    },
  },
  "the root itself": {
    advisory: "CVE-2019-19921",
    lay: (box) => {
      const decoy = join(box.bundleDir, "decoy");
      cpSync(box.rootfsDir, decoy, { recursive: true });
      return [box.rootfsDir, decoy];
    },
    isRight: (report) => hasProc(report) && targetsOf(report, "devpts").join() === "/dev/pts",
  },
};

/** Where a program looks for the host: at what was raced for, and above it. */
export const doors = [
  "/vol/x/canary",
  "/vol/x/below/../../canary",
  "/vol/x/made/../canary",
  "/vol/one",
  "canary",
  "../canary",
].flatMap((path) => ["--read", path]);
