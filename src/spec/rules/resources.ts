import { escapePointerStep } from "../json-pointer";
import { entries, isRefused, mapEntries, quote, type Rule } from "../rule";

const deviceAccessKnown: Rule = {
  id: "device-access-known",
  clause: "config-linux.md#allowed-device-list",
  severity: "error",
  about: ["linux", "resources", "devices"],
  *check(config) {
    for (const [index, rule] of entries(config.linux?.resources?.devices)) {
      const at = `/linux/resources/devices/${index}`;
      const { access } = rule;
      if (access === undefined) {
        if (isRefused(rule, "access")) continue;
        yield { pointer: at, message: 'lacks "access", which letters of "rwm" make up' };
      } else if (!/[rwm]/.test(access)) {
        yield {
          pointer: `${at}/access`,
          message: `is ${quote(access)}, and must be made up of the letters "rwm"`,
        };
      }
    }
  },
};

/** Callers of runc rely on its leniency here: what is left of the letters says what is meant. */
const deviceAccessStray: Rule = {
  id: "device-access-stray",
  clause: "config-linux.md#allowed-device-list",
  severity: "warning",
  about: ["linux", "resources", "devices"],
  *check(config) {
    for (const [index, { access }] of entries(config.linux?.resources?.devices)) {
      if (access === undefined || !/[rwm]/.test(access) || !/[^rwm]/.test(access)) continue;
      yield {
        pointer: `/linux/resources/devices/${index}/access`,
        message: `is ${quote(access)}, of which only the letters "rwm" count`,
      };
    }
  },
};

const cpuBurstCovered: Rule = {
  id: "cpu-burst-covered",
  clause: "config-linux.md#cpu",
  severity: "error",
  about: ["linux", "resources", "cpu"],
  *check(config) {
    const { burst, quota } = config.linux?.resources?.cpu ?? {};
    if (burst === undefined || quota === undefined || quota <= 0 || burst <= quota) return;
    const message = `is ${burst}, and must be at most "quota", which is ${quota}`;
    yield { pointer: "/linux/resources/cpu/burst", message };
  },
};

const weightDevicesWeighted: Rule = {
  id: "weight-devices-weighted",
  clause: "config-linux.md#block-io",
  severity: "error",
  about: ["linux", "resources", "blockIO"],
  *check(config) {
    for (const [index, device] of entries(config.linux?.resources?.blockIO?.weightDevice)) {
      if ("weight" in device || "leafWeight" in device) continue;
      const pointer = `/linux/resources/blockIO/weightDevice/${index}`;
      yield { pointer, message: 'lacks "weight" and "leafWeight", and needs at least one of them' };
    }
  },
};

const rdmaLimited: Rule = {
  id: "rdma-limited",
  clause: "config-linux.md#rdma",
  severity: "error",
  about: ["linux", "resources", "rdma"],
  *check(config) {
    for (const [device, limit] of mapEntries(config.linux?.resources?.rdma)) {
      if ("hcaHandles" in limit || "hcaObjects" in limit) continue;
      const pointer = `/linux/resources/rdma/${escapePointerStep(device)}`;
      yield {
        pointer,
        message: 'lacks "hcaHandles" and "hcaObjects", and needs at least one of them',
      };
    }
  },
};

/** GHSA-5g49-rx9x-qfc6: a key is a file in the container's own cgroup, and leads nowhere else. */
const unifiedFilesLocal: Rule = {
  id: "unified-files-local",
  clause: "config-linux.md#unified",
  severity: "error",
  about: ["linux", "resources", "unified"],
  *check(config) {
    for (const [file] of mapEntries(config.linux?.resources?.unified)) {
      if (file !== "" && file !== "." && file !== ".." && !file.includes("/")) continue;
      const pointer = `/linux/resources/unified/${escapePointerStep(file)}`;
      yield {
        pointer,
        message: `has the name ${quote(file)}, and must have that of a file in the cgroup`,
      };
    }
  },
};

const cgroupsPathConfined: Rule = {
  id: "cgroups-path-confined",
  clause: "config-linux.md#cgroups-path",
  severity: "error",
  *check(config) {
    const path = config.linux?.cgroupsPath;
    if (path === undefined || !path.split("/").includes("..")) return;
    yield {
      pointer: "/linux/cgroupsPath",
      message: `is ${quote(path)}, and must not have ".." in it`,
    };
  },
};

export const resourceRules: readonly Rule[] = [
  cgroupsPathConfined,
  deviceAccessKnown,
  deviceAccessStray,
  cpuBurstCovered,
  weightDevicesWeighted,
  rdmaLimited,
  unifiedFilesLocal,
];
