import type { Config } from "../generated/config";

/**
 * What config.json may say and this version does not apply. Nothing is ever silently ignored: a container
 * without a limit that was asked for would be worse than none (runtime.md#create).
 */
const unsupported: readonly {
  readonly pointer: string;
  readonly isAsked: (config: Config) => boolean;
}[] = [
  { pointer: "/linux/intelRdt", isAsked: ({ linux }) => linux?.intelRdt !== undefined },
  { pointer: "/linux/mountLabel", isAsked: ({ linux }) => isNotEmpty(linux?.mountLabel) },
  {
    pointer: "/process/apparmorProfile",
    isAsked: ({ process }) => isNotEmpty(process?.apparmorProfile),
  },
  { pointer: "/process/selinuxLabel", isAsked: ({ process }) => isNotEmpty(process?.selinuxLabel) },
];

function isNotEmpty(value: string | object | undefined): boolean {
  return typeof value === "string" ? value !== "" : Object.keys(value ?? {}).length > 0;
}

/** The properties that this version would have to ignore. */
export function findUnsupported(config: Config): readonly string[] {
  return unsupported.filter(({ isAsked }) => isAsked(config)).map(({ pointer }) => pointer);
}
