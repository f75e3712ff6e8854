import type { BadValue } from "./bad-values-fixture";
import { pointerSteps } from "./json-pointer";
import type { Schema } from "./schema-walk-fixture";

/** Why a value that looks bad is none. A row that is accepted for no reason in this table fails the test. */
export interface Reason {
  readonly why: string;
  readonly kinds: readonly string[];
  /** What the pointer must match; any, when there is none. */
  readonly at?: RegExp;
  readonly when?: (row: BadValue) => boolean;
}

const bounds = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const;

function rangeOf({ integer64, minimum, maximum }: Schema): readonly [bigint, bigint] {
  const [least, most] = bounds[integer64 ?? "int64"];
  return [
    minimum === undefined ? least : BigInt(minimum),
    maximum === undefined ? most : BigInt(maximum),
  ];
}

function isInRange({ raw, schema }: BadValue): boolean {
  const [least, most] = rangeOf(schema);
  return BigInt(raw) >= least && BigInt(raw) <= most;
}

const isMember = ({ pointer }: BadValue) => !/^\d+$/.test(pointerSteps(pointer).at(-1) ?? "");
const numbers = ["2^31", "2^32 - 1", "2^32", "2^53 + 1", "2^63", "-1"];
const longOrOdd = ["a string with a line break", "a string of 1 MiB"];
const anything = [...longOrOdd, "a string with NUL", "a string with half of a surrogate pair"];

export const reasons: readonly Reason[] = [
  {
    why: "a member that is null is as good as none: engines write them",
    kinds: ["null"],
    when: isMember,
  },
  { why: "the kernel knows numbers of this size", kinds: numbers, when: isInRange },
  {
    why: "a list or an object with nothing in it asks for nothing",
    kinds: ["an empty array", "an empty object"],
  },
  {
    why: "nothing limits how many there may be but the size of the file",
    kinds: ["an array of 10,000 entries"],
    at: /^\/(process\/(args|env|capabilities\/\w+|user\/additionalGids)|mounts\/0\/options|hooks\/\w+(\/0\/(args|env))?|linux\/(maskedPaths|readonlyPaths|intelRdt\/schemata|resources\/(hugepageLimits|network\/priorities|blockIO\/throttle\w+)|seccomp\/(architectures|flags|syscalls(\/0\/names)?)))$/,
  },
  {
    why: "a flag that is there twice is that flag",
    kinds: ["an array of 10,000 entries"],
    at: /^\/(process\/scheduler|linux\/memoryPolicy)\/flags$/,
  },
  {
    why: "the kernel says how long a filter may be",
    kinds: ["an array of 10,000 entries"],
    at: /^\/linux\/seccomp\/syscalls\/0\/args$/,
  },
  {
    why: "a capability that nobody knows is a warning",
    kinds: [...longOrOdd, "an empty string"],
    at: /^\/process\/capabilities\/\w+\/0$/,
  },
  {
    why: "a path may have every character, and the kernel says how long it may be",
    kinds: longOrOdd,
    at: /^\/(root\/path|mounts\/0\/(destination|source)|linux\/(cgroupsPath|seccomp\/listenerPath))$/,
  },
  {
    why: "the kernel takes every text as a name of the host",
    kinds: ["a string with a line break"],
    at: /^\/(hostname|domainname)$/,
  },
  {
    why: "what the program, the hook or the file system gets is theirs to judge",
    kinds: [...longOrOdd, "an empty string"],
    at: /^\/(process\/args\/0|mounts\/0\/options\/0|hooks\/\w+\/0\/args\/0)$/,
  },
  {
    why: "what is written to the kernel is the kernel's to judge",
    kinds: [...longOrOdd, "an empty string"],
    at: /^\/linux\/(resources\/(unified\/memory.high|network\/priorities\/0\/name)|sysctl\/net.ipv4.ip_forward|intelRdt\/(closID|schemata\/0|l3CacheSchema))$/,
  },
  {
    why: "a label that the machine's policy does not have is refused by that",
    kinds: ["a string of 1 MiB"],
    at: /^\/(process\/(apparmorProfile|selinuxLabel)|linux\/mountLabel)$/,
  },
  {
    why: "a system call that nobody knows is a warning",
    kinds: longOrOdd,
    at: /^\/linux\/seccomp\/syscalls\/0\/names\/0$/,
  },
  {
    why: "an empty text is as good as none",
    kinds: ["an empty string"],
    at: /^\/(process\/(apparmorProfile|selinuxLabel|execCPUAffinity\/(initial|final))|hostname|domainname|mounts\/0\/source|linux\/(namespaces\/0\/path|netDevices\/eth0\/name|cgroupsPath|resources\/cpu\/(cpus|mems)|mountLabel))$/,
  },
  {
    why: "free text never becomes a C string",
    kinds: [...anything, "an empty string"],
    at: /^\/(annotations\/org.example.key|linux\/seccomp\/listenerMetadata)$/,
  },
  {
    why: "names of annotations are free text, too",
    kinds: ["a name with NUL", "a name with half of a surrogate pair", "a name of 64 KiB"],
    at: /^\/annotations$/,
  },
  {
    why: "which files a cgroup has is known when it is there",
    kinds: ["a name of 64 KiB"],
    at: /^\/linux\/resources\/unified$/,
  },
];

export const reasonFor = (row: BadValue): Reason | undefined =>
  reasons.find(
    ({ kinds, at, when }) =>
      kinds.includes(row.kind) && (at?.test(row.pointer) ?? true) && (when?.(row) ?? true),
  );
