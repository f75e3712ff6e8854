import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, type Hook, type HookKind, processOf } from "../support/config";
import type { Container } from "../support/container";
import { isTsoci } from "../support/environment";
import { tellFigure } from "../support/figures.mjs";
import { readMounts, removeCgroups } from "../support/host";
import { isolated } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { mistakesIn } from "./refused";

/** A config that the schema has nothing against, and what it names on the host is not what it should be. */
interface Row {
  readonly what: string;
  readonly says: RegExp;
  readonly edit: (config: Config, box: Container) => void;
}

/** Something of the host at a path of the test's own, by its kind. */
const things: Readonly<Record<string, (path: string) => void>> = {
  missing: () => {},
  "a file": (path) => writeFileSync(path, "text"),
  "a directory": (path) => mkdirSync(path),
  "a FIFO": (path) => execFileSync("mkfifo", [path]),
  "a link to nothing": (path) => symlinkSync("nowhere", path),
  "a link to itself": (path) => symlinkSync(path, path),
  "a link to /dev/zero": (path) => symlinkSync("/dev/zero", path),
};

const noFile = /no such file or directory|ENOENT/;
const loop = /too many levels of symbolic links|ELOOP/;

function rowsOf(
  what: string,
  says: Readonly<Record<string, RegExp>>,
  edit: (config: Config, path: string) => void,
): Row[] {
  return Object.entries(says).map(([kind, expected]) => ({
    what: `${what} that is ${kind}`,
    says: expected,
    edit: (config, box) => {
      const path = join(box.dir, "thing");
      things[kind]?.(path);
      edit(config, path);
    },
  }));
}

const noNamespace = /is no|not a namespace|namespace/;

const namespaces = ["network", "ipc", "uts", "mount", "pid"].flatMap((type) =>
  rowsOf(
    `a ${type} namespace`,
    {
      missing: noFile,
      "a file": noNamespace,
      "a directory": noNamespace,
      "a FIFO": noNamespace,
      "a link to nothing": noFile,
      "a link to itself": loop,
      "a link to /dev/zero": noNamespace,
    },
    (config, path) => {
      for (const namespace of config.linux.namespaces)
        if (namespace.type === type) namespace.path = path;
      if (type === "uts") delete config.hostname;
    },
  ),
);

const sources = rowsOf(
  "the source of a bind mount",
  {
    missing: noFile,
    "a file": /"\/tmp" is a directory, and the source is not/,
    "a link to nothing": noFile,
    "a link to itself": loop,
    "a FIFO": /"\/tmp" is a directory, and the source is not/,
  },
  (config, source) => {
    config.mounts.push({ destination: "/tmp", type: "bind", source, options: ["bind"] });
  },
);

const roots = rowsOf(
  "a rootfs",
  {
    missing: noFile,
    "a file": /is not a directory/,
    "a FIFO": /is not a directory/,
    "a link to nothing": noFile,
    "a link to itself": loop,
    "a link to /dev/zero": /is not a directory/,
  },
  (config, path) => {
    config.root = { path };
  },
);

const hooksOf = (kind: HookKind): Row[] => {
  const set = (config: Config, hook: Hook) => {
    config.hooks = { [kind]: [hook] };
  };
  const failed = new RegExp(`${kind} hook`);
  const inside = rowsOf(
    `a ${kind} hook`,
    {
      missing: failed,
      "a file": failed,
      "a directory": failed,
      "a FIFO": failed,
      "a link to nothing": failed,
      "a link to itself": failed,
    },
    (config, path) => set(config, { path }),
  );
  const scripts: Readonly<Record<string, string>> = {
    "of no known format": "\0\0\0\0",
    "without its interpreter": "#!/nowhere\n",
    "that fails": "#!/bin/sh\nexit 7\n",
  };
  const others = Object.entries(scripts).map(([what, text]) => ({
    what: `a ${kind} hook ${what}`,
    says: failed,
    edit: (config: Config, box: Container) => {
      const path = join(box.dir, "hook");
      writeFileSync(path, text, { mode: 0o755 });
      set(config, { path });
    },
  }));
  return [...inside, ...others];
};

const onHost = ["prestart", "createRuntime", "createContainer"] as const;

const kernel: readonly Row[] = [
  {
    what: "a sysctl that there is not",
    says: /net\.nothing\.here|net\/nothing\/here/,
    edit: (config) => {
      config.linux.sysctl = { "net.nothing.here": "1" };
    },
  },
  {
    what: "a sysctl with text where a number belongs",
    says: /msgmax.*invalid argument \(EINVAL\)/,
    edit: (config) => {
      config.linux.sysctl = { "kernel.msgmax": "many" };
    },
  },
  {
    what: "a sysctl of the host",
    says: /kernel\.panic.*the host's/,
    edit: (config) => {
      config.linux.sysctl = { "kernel.panic": "1" };
    },
  },
  {
    what: "a limit that the kernel does not give",
    says: /RLIMIT_NOFILE.*\(EPERM\)/,
    edit: (config) => {
      const most = Number.MAX_SAFE_INTEGER;
      processOf(config).rlimits = [{ type: "RLIMIT_NOFILE", soft: most, hard: most }];
    },
  },
  {
    what: "a cgroup path that is too long",
    says: /ENAMETOOLONG/,
    edit: (config, box) => {
      config.linux.cgroupsPath = `${box.cgroupPath}/${"x".repeat(5_000)}`;
    },
  },
  {
    what: "a destination that is too long",
    says: /ENAMETOOLONG/,
    edit: (config) => {
      config.mounts.push({ destination: `/${"x".repeat(5_000)}`, type: "tmpfs" });
    },
  },
  {
    what: "a file system that there is not",
    says: /"nofs".*\(ENODEV\)/,
    edit: (config) => {
      config.mounts.push({ destination: "/tmp", type: "nofs" });
    },
  },
  {
    what: "an option that the file system does not know",
    says: /nosuchoption.*\(EINVAL\)/,
    edit: (config) => {
      config.mounts.push({ destination: "/tmp", type: "tmpfs", options: ["nosuchoption"] });
    },
  },
  {
    what: "a working directory that is a file",
    says: /\/probe".*\(ENOTDIR\)/,
    edit: (config) => {
      processOf(config).cwd = "/probe";
    },
  },
  {
    what: "a filter that is longer than the kernel takes",
    says: /seccomp/,
    edit: (config) => {
      const args = Array.from({ length: 10_000 }, (_, index) => ({
        index: 0,
        value: index,
        op: "SCMP_CMP_EQ",
      }));
      config.linux.seccomp = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", args }],
      };
    },
  },
  {
    what: "a network device that there is not",
    says: /nothing0/,
    edit: (config) => {
      config.linux.netDevices = { nothing0: {} };
    },
  },
  {
    what: "a terminal without a console socket",
    says: /console socket|console-socket/,
    edit: (config) => {
      processOf(config).terminal = true;
    },
  },
];

const groups: Readonly<Record<string, readonly Row[]>> = {
  "a namespace's path that leads to none is refused at once": namespaces,
  "a source that cannot be mounted is refused": sources,
  "a rootfs that is no directory is refused": roots,
  "a hook that cannot be run makes create fail": onHost.flatMap(hooksOf),
  "what the kernel does not take is refused with what it said": kernel,
};

rootSuite("bad input: what is on the host", () => {
  const container = useContainers();

  for (const [sentence, rows] of Object.entries(groups)) {
    shows("config.md", sentence, () => {
      const box = container();
      const sound = structuredClone(box.config);
      const mounts = readMounts();

      const mistakes = rows.flatMap(({ what, says, edit }) => {
        const config = structuredClone(sound);
        for (const name of ["thing", "hook"])
          rmSync(join(box.dir, name), { recursive: true, force: true });
        edit(config, box);
        box.writeConfig(JSON.stringify(config));
        const outcome = box.attempt("create", [], { timeoutMs: 10_000, through: isolated });
        const found = mistakesIn(outcome, { says });
        found.push(...box.leftovers().map((left) => `leaves ${left}`));
        if (found.length > 0) {
          box.attempt("delete", ["--force"]);
          removeCgroups(box.cgroupPath);
        }
        return found.map((mistake) => `${what} ${mistake}`);
      });

      expect(mistakes).toEqual([]);
      expect(readMounts()).toEqual(mounts);
      if (isTsoci) tellFigure("bad input", `rows of "${sentence}"`, rows.length);
    });
  }
});
