import type { Config } from "../generated/config";
import { refusedAnnotations } from "../spec/crun-annotations";
import type { HostFacts } from "./host-facts";

function isNotEmpty(value: string | object | undefined): boolean {
  return typeof value === "string" ? value !== "" : Object.keys(value ?? {}).length > 0;
}

/** What a machine may lack, in the words that callers know from runc. */
const needed: readonly {
  readonly pointer: string;
  readonly isAsked: (config: Config) => boolean;
  readonly isThere: (facts: HostFacts) => boolean;
  readonly problem: string;
}[] = [
  {
    pointer: "/process/apparmorProfile",
    isAsked: ({ process }) => isNotEmpty(process?.apparmorProfile),
    isThere: ({ apparmor }) => apparmor,
    problem: "apparmor profile is specified in config, but apparmor is disabled or not supported",
  },
  {
    pointer: "/process/selinuxLabel",
    isAsked: ({ process }) => isNotEmpty(process?.selinuxLabel),
    isThere: ({ selinux }) => selinux,
    problem: "selinux label is specified in config, but selinux is disabled or not supported",
  },
  {
    pointer: "/linux/intelRdt",
    isAsked: ({ linux }) => linux?.intelRdt !== undefined,
    isThere: ({ resctrl }) => resctrl !== undefined,
    problem: "intelRdt is specified in config, but no resctrl file system is mounted",
  },
];

export interface Unavailable {
  readonly pointer: string;
  readonly problem: string;
}

/** The properties that this machine cannot apply. */
export function findUnavailable(config: Config, facts: HostFacts): readonly Unavailable[] {
  const lacking = needed.filter(({ isAsked, isThere }) => isAsked(config) && !isThere(facts));
  return config.annotations === undefined
    ? lacking
    : [...lacking, ...findRefused(config.annotations)];
}

/** What crun would do for these, and this runtime does not. */
const findRefused = (annotations: NonNullable<Config["annotations"]>): readonly Unavailable[] =>
  refusedAnnotations
    .filter((name) => isNotEmpty(annotations[name]))
    .map((name) => ({
      pointer: `/annotations/${name}`,
      problem: `annotation "${name}" is specified in config, and asks for an isolation that only crun has`,
    }));

/**
 * The properties that mean nothing on this machine: without SELinux every mount is as accessible with a
 * label as without one, and engines send one to be on the safe side.
 */
export function findIgnored(config: Config, facts: HostFacts): readonly Unavailable[] {
  if (facts.selinux || !isNotEmpty(config.linux?.mountLabel)) return [];
  return [
    {
      pointer: "/linux/mountLabel",
      problem: "is left out, as selinux is disabled or not supported",
    },
  ];
}
