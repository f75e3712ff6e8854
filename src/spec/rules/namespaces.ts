import type { IdMapping } from "../../generated/config";
import { __NEW_UTS_LEN, UID_GID_MAP_MAX_EXTENTS } from "../kernel-constants";
import {
  type Draft,
  entries,
  type Finding,
  findNamespace,
  hasNewNamespace,
  isRefused,
  type NamespaceType,
  quote,
  type Rule,
  sharesNamespace,
} from "../rule";

const namespacesUnique: Rule = {
  id: "namespaces-unique",
  clause: "config-linux.md#namespaces",
  severity: "error",
  *check(config) {
    const first = new Map<NamespaceType, number>();
    for (const [index, { type }] of entries(config.linux?.namespaces)) {
      if (type === undefined) continue;
      const earlier = first.get(type);
      if (earlier === undefined) first.set(type, index);
      else
        yield {
          pointer: `/linux/namespaces/${index}`,
          message: `is "${type}" again, after index ${earlier}`,
        };
    }
  },
};

/** Without a mount namespace of the container's own, its root takes part in the host's mounts as it is. */
const mountNamespaceNeeded: Rule = {
  id: "mount-namespace-needed",
  clause: "config-linux.md#namespaces",
  severity: "error",
  about: ["linux", "rootfsPropagation"],
  *check(config) {
    if (!sharesNamespace(config, "mount")) return;
    if (config.linux?.rootfsPropagation === undefined) return;
    yield {
      pointer: "/linux/rootfsPropagation",
      message: 'is set, and needs a "mount" namespace, or the host would change',
    };
  },
};

const utsNamespaceNeeded: Rule = {
  id: "uts-namespace-needed",
  clause: "config.md#hostname",
  severity: "error",
  *check(config) {
    for (const name of ["hostname", "domainname"] as const) {
      const value = config[name] ?? "";
      if (value === "") continue;
      const pointer = `/${name}`;
      if (sharesNamespace(config, "uts")) {
        yield {
          pointer,
          message: `is ${quote(value)}, and needs a "uts" namespace, or the host would be renamed`,
        };
      }
      if (new TextEncoder().encode(value).length > __NEW_UTS_LEN) {
        yield {
          pointer,
          message: `is ${quote(value)}, and must have at most ${__NEW_UTS_LEN} bytes`,
        };
      }
    }
  },
};

const timeNamespaceNeeded: Rule = {
  id: "time-namespace-needed",
  clause: "config-linux.md#offset-for-time-namespace",
  severity: "error",
  about: ["linux", "timeOffsets"],
  *check(config) {
    const offsets = config.linux?.timeOffsets;
    if (offsets === undefined || Object.keys(offsets).length === 0) return;
    const pointer = "/linux/timeOffsets";
    if (sharesNamespace(config, "time")) {
      yield { pointer, message: 'is set, and needs a "time" namespace' };
    } else if (findNamespace(config, "time") !== undefined && !hasNewNamespace(config, "time")) {
      // time_namespaces(7): the offsets are fixed once a process has entered.
      yield {
        pointer,
        message: 'is set, and needs a new "time" namespace, not one to join by path',
      };
    }
  },
};

const mappingNames = ["uidMappings", "gidMappings"] as const;

/** Both the container's mappings and a mount's: they come in pairs, and fit what the kernel takes. */
function* checkMappings(
  holder: Draft<{ uidMappings: readonly IdMapping[]; gidMappings: readonly IdMapping[] }>,
  at: string,
): Generator<Finding> {
  if (holder.uidMappings === undefined && holder.gidMappings === undefined) return;
  for (const name of mappingNames) {
    const other = name === "uidMappings" ? "gidMappings" : "uidMappings";
    const mappings = holder[name] ?? [];
    if (mappings.length > 0 && (holder[other] ?? []).length === 0 && !isRefused(holder, other)) {
      yield { pointer: `${at}/${name}`, message: `is set, and needs "${other}" too` };
    }
    if (mappings.length > UID_GID_MAP_MAX_EXTENTS) {
      const message = `has ${mappings.length} ranges, and may have at most ${UID_GID_MAP_MAX_EXTENTS}`;
      yield { pointer: `${at}/${name}`, message };
      continue;
    }
    yield* checkRanges(mappings, `${at}/${name}`);
  }
}

const idCount = 2 ** 32 - 1;

function* checkRanges(
  mappings: readonly (Draft<IdMapping> | undefined)[],
  at: string,
): Generator<Finding> {
  const seen = { containerID: [] as Range[], hostID: [] as Range[] };
  for (const [index, mapping] of entries(mappings)) {
    for (const side of ["containerID", "hostID"] as const) {
      const first = mapping[side];
      if (first === undefined || mapping.size === undefined) continue;
      const end = first + mapping.size;
      const pointer = `${at}/${index}/${side}`;
      if (end > idCount) {
        yield {
          pointer,
          message: `is ${first}, so that the range ends at ${end - 1}, beyond the last id ${idCount - 1}`,
        };
      }
      const overlapped = seen[side].find((range) => first < range.end && range.first < end);
      if (overlapped !== undefined) {
        yield {
          pointer,
          message: `is ${first}, and overlaps the range at index ${overlapped.index}`,
        };
      }
      seen[side].push({ index, first, end });
    }
  }
}

interface Range {
  readonly index: number;
  readonly first: number;
  readonly end: number;
}

const mappingsConsistent: Rule = {
  id: "mappings-consistent",
  clause: "config-linux.md#user-namespace-mappings",
  severity: "error",
  *check(config) {
    if (config.linux !== undefined) yield* checkMappings(config.linux, "/linux");
  },
};

const mountMappingsConsistent: Rule = {
  id: "mount-mappings-consistent",
  clause: "config.md#mounts",
  severity: "error",
  *check(config) {
    for (const [index, mount] of entries(config.mounts))
      yield* checkMappings(mount, `/mounts/${index}`);
  },
};

/** Mappings that go with a namespace to join are legal: engines send both, and who opens it compares them. */
const userNamespaceMapped: Rule = {
  id: "user-namespace-mapped",
  clause: "config-linux.md#user-namespace-mappings",
  severity: "error",
  *check(config) {
    for (const name of mappingNames) {
      const mapped = (config.linux?.[name] ?? []).length > 0;
      const pointer = `/linux/${name}`;
      if (mapped && sharesNamespace(config, "user")) {
        yield { pointer, message: 'is set, and needs a "user" namespace' };
      }
    }
    if (!hasNewNamespace(config, "user")) return;
    const linux = config.linux ?? {};
    if (mappingNames.some((name) => isRefused(linux, name) || (linux[name] ?? []).length > 0))
      return;
    yield {
      pointer: "/linux",
      message: 'has a new "user" namespace, and needs "uidMappings" and "gidMappings"',
    };
  },
};

export const namespaceRules: readonly Rule[] = [
  namespacesUnique,
  mountNamespaceNeeded,
  utsNamespaceNeeded,
  timeNamespaceNeeded,
  mappingsConsistent,
  mountMappingsConsistent,
  userNamespaceMapped,
];
