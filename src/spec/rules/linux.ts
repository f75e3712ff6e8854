import type { Device, MemoryPolicy } from "../../generated/config";
import { escapePointerStep } from "../json-pointer";
import { fileTypeBits, IFNAMSIZ } from "../kernel-constants";
import { parseNumberList } from "../number-list";
import {
  type Draft,
  entries,
  type Finding,
  isRefused,
  mapEntries,
  quote,
  type Rule,
  sharesNamespace,
} from "../rule";

/** linux/kdev_t.h: how far the two halves of a device number go. */
const largestDeviceNumber = { major: 2 ** 12 - 1, minor: 2 ** 20 - 1 } as const;

function* checkDevice(device: Draft<Device>, at: string): Generator<Finding> {
  if (device.type === undefined || device.type === "p") return;
  for (const side of ["major", "minor"] as const) {
    const number = device[side];
    const largest = largestDeviceNumber[side];
    if (number === undefined) {
      if (isRefused(device, side)) continue;
      yield {
        pointer: at,
        message: `lacks "${side}", which is required for the type "${device.type}"`,
      };
    } else if (number < 0 || number > largest) {
      yield { pointer: `${at}/${side}`, message: `is ${number}, and must be from 0 to ${largest}` };
    }
  }
}

/** Podman passes on the whole `st_mode` of a device that it has looked at. */
const deviceModesPlain: Rule = {
  id: "device-modes-plain",
  clause: "config-linux.md#devices",
  severity: "error",
  about: ["linux", "devices"],
  *check(config) {
    for (const [index, { fileMode, type }] of entries(config.linux?.devices)) {
      const typeBits = (fileMode ?? 0) & ~0o777;
      if (typeBits === 0 || type === undefined || typeBits === fileTypeBits[type]) continue;
      yield {
        pointer: `/linux/devices/${index}/fileMode`,
        message: `is ${fileMode}, and must be from 0 to 511, or that and the bits of the type "${type}"`,
      };
    }
  },
};

const devicesNumbered: Rule = {
  id: "devices-numbered",
  clause: "config-linux.md#devices",
  severity: "error",
  about: ["linux", "devices"],
  *check(config) {
    for (const [index, device] of entries(config.linux?.devices)) {
      yield* checkDevice(device, `/linux/devices/${index}`);
    }
  },
};

/** What the kernel takes as an interface's name; its letters are bytes. */
function interfaceNameMistake(name: string): string | undefined {
  if (name.length === 0 || name.length >= IFNAMSIZ || /[^\x21-\x7e]/.test(name)) {
    return `must have 1 to ${IFNAMSIZ - 1} printable ASCII characters`;
  }
  if (name === "." || name === ".." || /[/:]/.test(name))
    return 'must not be "." or "..", nor have "/" or ":"';
  return undefined;
}

const netDevicesMovable: Rule = {
  id: "net-devices-movable",
  clause: "config-linux.md#network-devices",
  severity: "error",
  about: ["linux", "netDevices"],
  *check(config) {
    const devices = config.linux?.netDevices;
    if (devices === undefined || Object.keys(devices).length === 0) return;
    if (sharesNamespace(config, "network")) {
      yield { pointer: "/linux/netDevices", message: 'is set, and needs a "network" namespace' };
    }
    const taken = new Map<string, string>();
    for (const [outside, device] of mapEntries(devices)) {
      const pointer = `/linux/netDevices/${escapePointerStep(outside)}`;
      const mistake = interfaceNameMistake(outside);
      if (mistake !== undefined)
        yield { pointer, message: `has the name ${quote(outside)}, and ${mistake}` };
      const given = device.name ?? "";
      const inside = given === "" ? outside : given;
      const insideMistake = given === "" ? undefined : interfaceNameMistake(given);
      if (insideMistake !== undefined) {
        yield { pointer: `${pointer}/name`, message: `is ${quote(given)}, and ${insideMistake}` };
      }
      const other = taken.get(inside);
      if (other !== undefined && !inside.endsWith("%d")) {
        yield { pointer, message: `becomes ${quote(inside)} inside, as ${quote(other)} does` };
      }
      taken.set(inside, outside);
    }
  },
};

/** MAX_NUMNODES of the kernels of distributions, less one. */
const largestNode = 1023;

type Mode = MemoryPolicy["mode"] & string;

const modesWithoutNodes: readonly Mode[] = ["MPOL_DEFAULT", "MPOL_LOCAL"];
const modesWithNodes: readonly Mode[] = [
  "MPOL_BIND",
  "MPOL_INTERLEAVE",
  "MPOL_WEIGHTED_INTERLEAVE",
  "MPOL_PREFERRED_MANY",
];

function* checkNodes(mode: Mode | undefined, nodes: string): Generator<Finding> {
  const list = parseNumberList(nodes, largestNode);
  const pointer = "/linux/memoryPolicy/nodes";
  if ("mistake" in list) {
    yield {
      pointer,
      message: `invalid memory policy node: is ${quote(nodes)}, where ${list.mistake}`,
    };
    return;
  }
  const found = list.numbers.length;
  if (mode === undefined) return;
  if (modesWithoutNodes.includes(mode) && found > 0) {
    yield {
      pointer,
      message: `invalid memory policy nodes: ${mode} mode requires 0 nodes but got ${found}`,
    };
  }
  if (modesWithNodes.includes(mode) && found === 0) {
    yield {
      pointer,
      message: `invalid memory policy nodes: ${mode} mode requires at least 1 node but got 0`,
    };
  }
}

/** The mode is required, and decides what the others may say. */
const memoryPolicyConsistent: Rule = {
  id: "memory-policy-consistent",
  clause: "config-linux.md#memory-policy",
  severity: "error",
  about: ["linux", "memoryPolicy"],
  *check(config) {
    const policy = config.linux?.memoryPolicy;
    if (policy === undefined) return;
    const pointer = "/linux/memoryPolicy";
    if (policy.mode === undefined && !isRefused(policy, "mode")) {
      yield {
        pointer,
        message: 'invalid memory policy mode: lacks "mode", which is required',
      };
    }
    if (!isRefused(policy, "nodes")) yield* checkNodes(policy.mode, policy.nodes ?? "");
    const flags = policy.flags ?? [];
    if (flags.includes("MPOL_F_STATIC_NODES") && flags.includes("MPOL_F_RELATIVE_NODES")) {
      const message =
        "invalid memory policy flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other";
      yield { pointer: `${pointer}/flags`, message };
    }
  },
};

/** It names a directory below the resctrl file system; "/" is that file system's root, the default class. */
const closIdLocal: Rule = {
  id: "clos-id-local",
  clause: "config-linux.md#intelrdt",
  severity: "error",
  about: ["linux", "intelRdt"],
  *check(config) {
    const id = config.linux?.intelRdt?.closID;
    if (id === undefined || id === "/" || (id !== "." && id !== ".." && !/[/\p{Cc}]/u.test(id)))
      return;
    const message = `is ${quote(id)}, and must be "/" or the name of one directory`;
    yield { pointer: "/linux/intelRdt/closID", message };
  },
};

/** The kernel decides what it knows; a class of a processor with code and data prioritised has no "L3:". */
const l3SchemaNamed: Rule = {
  id: "l3-schema-named",
  clause: "config-linux.md#intelrdt",
  severity: "warning",
  about: ["linux", "intelRdt"],
  *check(config) {
    const schema = config.linux?.intelRdt?.l3CacheSchema ?? "";
    if (schema === "" || schema.startsWith("L3:")) return;
    const message = `is ${quote(schema)}, and should begin with "L3:"`;
    yield { pointer: "/linux/intelRdt/l3CacheSchema", message };
  },
};

const personalityFlagsAbsent: Rule = {
  id: "personality-flags-absent",
  clause: "config-linux.md#personality",
  severity: "error",
  about: ["linux", "personality"],
  *check(config) {
    for (const [index, flag] of entries(config.linux?.personality?.flags)) {
      const message = `is ${quote(flag)}, and no flag is defined`;
      yield { pointer: `/linux/personality/flags/${index}`, message };
    }
  },
};

export const linuxRules: readonly Rule[] = [
  devicesNumbered,
  deviceModesPlain,
  netDevicesMovable,
  memoryPolicyConsistent,
  closIdLocal,
  l3SchemaNamed,
  personalityFlagsAbsent,
];
