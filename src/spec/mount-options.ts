import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_DIRSYNC,
  MS_I_VERSION,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_SYNCHRONOUS,
  MS_UNBINDABLE,
} from "./kernel-constants";

/** What a mount's options ask for, sorted by the system call that does it. */
export interface MountOptions {
  /** MS_* flags of the file system itself; `ro` and `rw` are here and among the attributes. */
  readonly sbFlagsSet: number;
  readonly sbFlagsClear: number;
  /** MOUNT_ATTR_* of this mount. Access times are one field: MOUNT_ATTR__ATIME is cleared to set any. */
  readonly attrSet: bigint;
  readonly attrClear: bigint;
  /** MOUNT_ATTR_* of this mount and all below it. */
  readonly recSet: bigint;
  readonly recClear: bigint;
  /** MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, possibly with MS_REC, in the order to apply them. */
  readonly propagation: readonly number[];
  readonly bind: "no" | "bind" | "rbind";
  readonly remount: boolean;
  /** Fill a new tmpfs with what it covers. */
  readonly copyUp: boolean;
  readonly idmap: "no" | "idmap" | "ridmap";
  /** What the file system itself has to make sense of. */
  readonly data: readonly string[];
}

type Draft = { -readonly [Name in keyof MountOptions]: MountOptions[Name] };

type Effect =
  | { readonly sb: "set" | "clear"; readonly flag: number; readonly attribute?: bigint }
  | { readonly attr: "set" | "clear"; readonly flag: bigint; readonly recursive: boolean }
  | { readonly atime: "set" | "clear"; readonly flag: bigint; readonly recursive: boolean }
  | { readonly propagation: number }
  | { readonly other: (options: Draft) => void };

const sb = (action: "set" | "clear", flag: number, attribute?: bigint): Effect =>
  attribute === undefined ? { sb: action, flag } : { sb: action, flag, attribute };
const attr = (action: "set" | "clear", flag: bigint): Effect => ({
  attr: action,
  flag,
  recursive: false,
});
const recAttr = (action: "set" | "clear", flag: bigint): Effect => ({
  attr: action,
  flag,
  recursive: true,
});
const atime = (action: "set" | "clear", flag: bigint): Effect => ({
  atime: action,
  flag,
  recursive: false,
});
const recAtime = (action: "set" | "clear", flag: bigint): Effect => ({
  atime: action,
  flag,
  recursive: true,
});
const propagation = (flags: number): Effect => ({ propagation: flags });
const other = (apply: (options: Draft) => void): Effect => ({ other: apply });

/** config.md#linux-mount-options, and `rnodev`, which only features.md has. */
const effects = {
  async: sb("clear", MS_SYNCHRONOUS),
  atime: atime("clear", MOUNT_ATTR_NOATIME),
  bind: other((options) => {
    if (options.bind === "no") options.bind = "bind";
  }),
  defaults: other(() => {}),
  dev: attr("clear", MOUNT_ATTR_NODEV),
  diratime: attr("clear", MOUNT_ATTR_NODIRATIME),
  dirsync: sb("set", MS_DIRSYNC),
  exec: attr("clear", MOUNT_ATTR_NOEXEC),
  idmap: other((options) => {
    options.idmap = "idmap";
  }),
  iversion: sb("set", MS_I_VERSION),
  lazytime: sb("set", MS_LAZYTIME),
  loud: sb("clear", MS_SILENT),
  mand: sb("set", MS_MANDLOCK),
  noatime: atime("set", MOUNT_ATTR_NOATIME),
  nodev: attr("set", MOUNT_ATTR_NODEV),
  nodiratime: attr("set", MOUNT_ATTR_NODIRATIME),
  noexec: attr("set", MOUNT_ATTR_NOEXEC),
  noiversion: sb("clear", MS_I_VERSION),
  nolazytime: sb("clear", MS_LAZYTIME),
  nomand: sb("clear", MS_MANDLOCK),
  norelatime: atime("clear", MOUNT_ATTR_RELATIME),
  nostrictatime: atime("clear", MOUNT_ATTR_STRICTATIME),
  nosuid: attr("set", MOUNT_ATTR_NOSUID),
  nosymfollow: attr("set", MOUNT_ATTR_NOSYMFOLLOW),
  private: propagation(MS_PRIVATE),
  ratime: recAtime("clear", MOUNT_ATTR_NOATIME),
  rbind: other((options) => {
    options.bind = "rbind";
  }),
  rdev: recAttr("clear", MOUNT_ATTR_NODEV),
  rdiratime: recAttr("clear", MOUNT_ATTR_NODIRATIME),
  relatime: atime("set", MOUNT_ATTR_RELATIME),
  remount: other((options) => {
    options.remount = true;
  }),
  rexec: recAttr("clear", MOUNT_ATTR_NOEXEC),
  ridmap: other((options) => {
    options.idmap = "ridmap";
  }),
  rnoatime: recAtime("set", MOUNT_ATTR_NOATIME),
  rnodev: recAttr("set", MOUNT_ATTR_NODEV),
  rnodiratime: recAttr("set", MOUNT_ATTR_NODIRATIME),
  rnoexec: recAttr("set", MOUNT_ATTR_NOEXEC),
  rnorelatime: recAtime("clear", MOUNT_ATTR_RELATIME),
  rnostrictatime: recAtime("clear", MOUNT_ATTR_STRICTATIME),
  rnosuid: recAttr("set", MOUNT_ATTR_NOSUID),
  rnosymfollow: recAttr("set", MOUNT_ATTR_NOSYMFOLLOW),
  ro: sb("set", MS_RDONLY, MOUNT_ATTR_RDONLY),
  rprivate: propagation(MS_PRIVATE | MS_REC),
  rrelatime: recAtime("set", MOUNT_ATTR_RELATIME),
  rro: recAttr("set", MOUNT_ATTR_RDONLY),
  rrw: recAttr("clear", MOUNT_ATTR_RDONLY),
  rshared: propagation(MS_SHARED | MS_REC),
  rslave: propagation(MS_SLAVE | MS_REC),
  rstrictatime: recAtime("set", MOUNT_ATTR_STRICTATIME),
  rsuid: recAttr("clear", MOUNT_ATTR_NOSUID),
  rsymfollow: recAttr("clear", MOUNT_ATTR_NOSYMFOLLOW),
  runbindable: propagation(MS_UNBINDABLE | MS_REC),
  rw: sb("clear", MS_RDONLY, MOUNT_ATTR_RDONLY),
  shared: propagation(MS_SHARED),
  silent: sb("set", MS_SILENT),
  slave: propagation(MS_SLAVE),
  strictatime: atime("set", MOUNT_ATTR_STRICTATIME),
  suid: attr("clear", MOUNT_ATTR_NOSUID),
  symfollow: attr("clear", MOUNT_ATTR_NOSYMFOLLOW),
  sync: sb("set", MS_SYNCHRONOUS),
  tmpcopyup: other((options) => {
    options.copyUp = true;
  }),
  unbindable: propagation(MS_UNBINDABLE),
} as const satisfies Readonly<Record<string, Effect>>;

/** Every option that is not left to the file system, sorted. */
export const mountOptionNames = (): readonly string[] => Object.keys(effects).sort();

const effectOf = (option: string): Effect | undefined =>
  Object.hasOwn(effects, option) ? effects[option as keyof typeof effects] : undefined;

/** config.md#mounts: a mount is a bind mount if and only if its options say so. */
export const isBindMount = (options: readonly (string | undefined)[] = []): boolean =>
  options.includes("bind") || options.includes("rbind");

/** Sorts a mount's options by what does them; of two that contradict each other the later one counts. */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const draft: Draft = {
    sbFlagsSet: 0,
    sbFlagsClear: 0,
    attrSet: 0n,
    attrClear: 0n,
    recSet: 0n,
    recClear: 0n,
    propagation: [],
    bind: "no",
    remount: false,
    copyUp: false,
    idmap: "no",
    data: [],
  };
  const propagations: number[] = [];
  const data: string[] = [];
  for (const option of options) {
    const effect = effectOf(option);
    if (effect === undefined) data.push(option);
    else if ("propagation" in effect) propagations.push(effect.propagation);
    else if ("other" in effect) effect.other(draft);
    else if ("sb" in effect) applySuperblockFlag(draft, effect);
    else if ("attr" in effect) applyAttribute(draft, effect.attr, effect.flag, effect.recursive);
    else applyAccessTime(draft, effect.atime, effect.flag, effect.recursive);
  }
  return { ...draft, propagation: propagations, data };
}

function applySuperblockFlag(draft: Draft, effect: Extract<Effect, { sb: unknown }>): void {
  if (effect.sb === "set") {
    draft.sbFlagsSet |= effect.flag;
    draft.sbFlagsClear &= ~effect.flag;
  } else {
    draft.sbFlagsSet &= ~effect.flag;
    draft.sbFlagsClear |= effect.flag;
  }
  if (effect.attribute !== undefined) applyAttribute(draft, effect.sb, effect.attribute, false);
}

function applyAttribute(
  draft: Draft,
  action: "set" | "clear",
  flag: bigint,
  recursive: boolean,
): void {
  const set = recursive ? "recSet" : "attrSet";
  const clear = recursive ? "recClear" : "attrClear";
  if (action === "set") {
    draft[set] |= flag;
    draft[clear] &= ~flag;
  } else {
    draft[set] &= ~flag;
    draft[clear] |= flag;
  }
}

/**
 * Access times are a field with three values, of which relatime is 0 and the kernel's default. So "set"
 * replaces the field. "clear" takes back what was asked for before it; of one mount it changes nothing else,
 * as with mount(8), while recursive attributes go back to the default, as mount_setattr(2) has it.
 */
function applyAccessTime(
  draft: Draft,
  action: "set" | "clear",
  flag: bigint,
  recursive: boolean,
): void {
  const set = recursive ? "recSet" : "attrSet";
  const clear = recursive ? "recClear" : "attrClear";
  const isAskedFor = (draft[clear] & MOUNT_ATTR__ATIME) === MOUNT_ATTR__ATIME;
  const current = draft[set] & MOUNT_ATTR__ATIME;
  if (action === "set") {
    draft[clear] |= MOUNT_ATTR__ATIME;
    draft[set] = (draft[set] & ~MOUNT_ATTR__ATIME) | flag;
    return;
  }
  if (current === flag) draft[set] &= ~MOUNT_ATTR__ATIME;
  if (recursive) draft[clear] |= MOUNT_ATTR__ATIME;
  else if (!isAskedFor) draft[clear] |= flag;
  else if (current === flag) draft[clear] = (draft[clear] & ~MOUNT_ATTR__ATIME) | flag;
}
