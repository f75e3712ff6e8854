import type { Features } from "../generated/features";
import {
  capabilityNames,
  memoryPolicyFlags,
  memoryPolicyModes,
  namespaceKinds,
} from "./kernel-constants";
import { mountOptionNames } from "./mount-options";

/** Versions that a config's `ociVersion` may name; a newer 1.x is taken too. */
export const ociVersionMin = "1.0.0";
export const ociVersionMax = "1.3.0";

export interface FeaturesOptions {
  /** Our own version, as `--version` says it. */
  readonly version: string;
  readonly commit?: string;
  /** What the libseccomp that is linked in says of itself, as "2.5.4". */
  readonly libseccompVersion?: string;
}

/** Architectures that libseccomp knows from its version 2.6 on. */
const newerArchitectures: readonly string[] = [
  "SCMP_ARCH_LOONGARCH64",
  "SCMP_ARCH_M68K",
  "SCMP_ARCH_SH",
  "SCMP_ARCH_SHEB",
];

const architectures = [
  "SCMP_ARCH_AARCH64",
  "SCMP_ARCH_ARM",
  "SCMP_ARCH_LOONGARCH64",
  "SCMP_ARCH_M68K",
  "SCMP_ARCH_MIPS",
  "SCMP_ARCH_MIPS64",
  "SCMP_ARCH_MIPS64N32",
  "SCMP_ARCH_MIPSEL",
  "SCMP_ARCH_MIPSEL64",
  "SCMP_ARCH_MIPSEL64N32",
  "SCMP_ARCH_PARISC",
  "SCMP_ARCH_PARISC64",
  "SCMP_ARCH_PPC",
  "SCMP_ARCH_PPC64",
  "SCMP_ARCH_PPC64LE",
  "SCMP_ARCH_RISCV64",
  "SCMP_ARCH_S390",
  "SCMP_ARCH_S390X",
  "SCMP_ARCH_SH",
  "SCMP_ARCH_SHEB",
  "SCMP_ARCH_X32",
  "SCMP_ARCH_X86",
  "SCMP_ARCH_X86_64",
] as const;

const seccompFlags = [
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
] as const;

type NamespaceType = keyof typeof namespaceKinds;
type Mode = keyof typeof memoryPolicyModes;
type Flag = keyof typeof memoryPolicyFlags;

const sortedKeys = <Key extends string>(table: Readonly<Record<Key, unknown>>) =>
  (Object.keys(table) as Key[]).sort();

/** libseccomp's version as one number, so that two compare. */
function isAtLeast(version: string, major: number, minor: number): boolean {
  const [foundMajor = 0, foundMinor = 0] = version.split(".").map(Number);
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}

function seccomp(libseccompVersion: string | undefined) {
  const newer = libseccompVersion !== undefined && isAtLeast(libseccompVersion, 2, 6);
  return {
    enabled: true,
    actions: [
      "SCMP_ACT_ALLOW",
      "SCMP_ACT_ERRNO",
      "SCMP_ACT_KILL",
      "SCMP_ACT_KILL_PROCESS",
      "SCMP_ACT_KILL_THREAD",
      "SCMP_ACT_LOG",
      "SCMP_ACT_NOTIFY",
      "SCMP_ACT_TRACE",
      "SCMP_ACT_TRAP",
    ],
    operators: [
      "SCMP_CMP_EQ",
      "SCMP_CMP_GE",
      "SCMP_CMP_GT",
      "SCMP_CMP_LE",
      "SCMP_CMP_LT",
      "SCMP_CMP_MASKED_EQ",
      "SCMP_CMP_NE",
    ],
    archs: architectures.filter((name) => newer || !newerArchitectures.includes(name)),
    knownFlags: seccompFlags,
    supportedFlags: seccompFlags,
  } as const;
}

/** What `features` prints: fixed when the program is built, whatever machine it runs on. */
export function features({ version, commit, libseccompVersion }: FeaturesOptions): Features {
  return {
    ociVersionMin,
    ociVersionMax,
    hooks: [
      "prestart",
      "createRuntime",
      "createContainer",
      "startContainer",
      "poststart",
      "poststop",
    ],
    mountOptions: mountOptionNames(),
    linux: {
      namespaces: sortedKeys<NamespaceType>(namespaceKinds),
      capabilities: capabilityNames,
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: false },
      seccomp: seccomp(libseccompVersion),
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: {
        modes: sortedKeys<Mode>(memoryPolicyModes),
        flags: sortedKeys<Flag>(memoryPolicyFlags),
      },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: {
      "io.github.tsoci.version": version,
      ...(commit === undefined ? {} : { "io.github.tsoci.commit": commit }),
      ...(libseccompVersion === undefined
        ? {}
        : { "io.github.seccomp.libseccomp.version": libseccompVersion }),
    },
    potentiallyUnsafeConfigAnnotations: ["org.criu.config", "org.systemd.property.", "run.oci."],
  };
}
