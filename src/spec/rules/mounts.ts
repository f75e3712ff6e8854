import { isBindMount } from "../mount-options";
import { cleanPath } from "../paths";
import { entries, isRefused, quote, type Rule, sharesNamespace } from "../rule";

/** Files of /proc that may be covered: what they say is for people, and nothing of ours relies on it. */
const coverableBelowProc: readonly string[] = [
  "/proc/cpuinfo",
  "/proc/diskstats",
  "/proc/loadavg",
  "/proc/meminfo",
  "/proc/net/dev",
  "/proc/slabinfo",
  "/proc/stat",
  "/proc/swaps",
  "/proc/sys/crypto/fips_enabled",
  "/proc/sys/kernel/ns_last_pid",
  "/proc/uptime",
];

const destinationsAbsolute: Rule = {
  id: "destinations-absolute",
  clause: "config.md#mounts",
  severity: "warning",
  *check(config) {
    for (const [index, { destination }] of entries(config.mounts)) {
      if (destination === undefined || destination.startsWith("/")) continue;
      const message = `is ${quote(destination)}, which is taken from the container's root, and should be absolute`;
      yield { pointer: `/mounts/${index}/destination`, message };
    }
  },
};

/** CVE-2019-16884: what is written to /proc must not end in a file of the image's choosing. */
const procUncovered: Rule = {
  id: "proc-uncovered",
  clause: "config.md#mounts",
  severity: "error",
  *check(config) {
    for (const [index, mount] of entries(config.mounts)) {
      if (mount.destination === undefined) continue;
      if (!mount.destination.includes("proc")) continue;
      const destination = cleanPath(mount.destination);
      const pointer = `/mounts/${index}/destination`;
      const shown = quote(mount.destination);
      if (destination === "/proc") {
        // Whether a bind mount's source is a procfs shows when it is opened.
        if (mount.type === "proc" || isBindMount(mount.options)) continue;
        if (mount.options?.includes("remount")) continue;
        yield {
          pointer,
          message: `is ${shown}, where only the type "proc" or a bind of a procfs may be mounted`,
        };
      } else if (destination.startsWith("/proc/") && !coverableBelowProc.includes(destination)) {
        const allowed = coverableBelowProc.join(", ");
        yield {
          pointer,
          message: `is ${shown}, which is inside /proc, where only ${allowed} may be covered`,
        };
      }
    }
  },
};

const mountsComplete: Rule = {
  id: "mounts-complete",
  clause: "config.md#mounts",
  severity: "error",
  *check(config) {
    for (const [index, mount] of entries(config.mounts)) {
      if (mount.options?.includes("remount")) continue;
      const pointer = `/mounts/${index}`;
      const bind = isBindMount(mount.options);
      if (!bind && (mount.type ?? "") === "" && !isRefused(mount, "type")) {
        yield {
          pointer,
          message: 'lacks "type", which is required unless an option is bind, rbind or remount',
        };
      }
      if (bind && (mount.source ?? "") === "" && !isRefused(mount, "source")) {
        yield { pointer, message: 'lacks "source", which is required for a bind mount' };
      }
    }
  },
};

/** Only what is bound has a source that can be a link. */
const copiedLinksBound: Rule = {
  id: "copied-links-bound",
  clause: "config.md#mounts",
  severity: "error",
  *check(config) {
    for (const [index, { options }] of entries(config.mounts)) {
      if (!options?.includes("copy-symlink")) continue;
      if (isBindMount(options) && !options.includes("remount")) continue;
      const message = 'has the option "copy-symlink", which is for new bind mounts alone';
      yield { pointer: `/mounts/${index}`, message };
    }
  },
};

const idMappedMountsMapped: Rule = {
  id: "id-mapped-mounts-mapped",
  clause: "config.md#mounts",
  severity: "error",
  *check(config) {
    if (!sharesNamespace(config, "user")) return;
    for (const [index, mount] of entries(config.mounts)) {
      const idmap = mount.options?.find((option) => option === "idmap" || option === "ridmap");
      if (idmap === undefined) continue;
      if ((mount.uidMappings ?? []).length > 0 || (mount.gidMappings ?? []).length > 0) continue;
      const message = `has the option "${idmap}", and needs mappings of its own or a "user" namespace`;
      yield { pointer: `/mounts/${index}`, message };
    }
  },
};

export const mountRules: readonly Rule[] = [
  destinationsAbsolute,
  procUncovered,
  mountsComplete,
  copiedLinksBound,
  idMappedMountsMapped,
];
