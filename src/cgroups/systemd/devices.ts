import type { DeviceRule } from "../device-rules";
import { isForEverything } from "../device-rules";

/** One entry of DeviceAllow: a file or a class of devices, and some of "rwm". */
export type AllowedDevice = readonly [specifier: string, access: string];

/** The drivers of /proc/devices, by major number. */
export interface DeviceDrivers {
  readonly b: ReadonlyMap<number, string>;
  readonly c: ReadonlyMap<number, string>;
}

interface Allowed {
  readonly type: "b" | "c";
  readonly major: number | undefined;
  readonly minor: number | undefined;
  readonly access: string;
}

/**
 * The rules as systemd can say them, who knows only what is allowed. Undefined when everything is. Where a rule takes
 * something out of what a wider one allows, systemd allows more than the rules do: our own are applied besides.
 */
export function allowedDevices(
  rules: readonly DeviceRule[],
  drivers: DeviceDrivers,
): readonly AllowedDevice[] | undefined {
  let allowed: Allowed[] = [];
  let isEverything = false;
  for (const rule of rules) {
    if (isForEverything(rule)) {
      allowed = [];
      isEverything = rule.allow;
      continue;
    }
    const kinds = rule.type === "a" ? (["b", "c"] as const) : [rule.type];
    for (const type of kinds) {
      const { major, minor, access } = rule;
      if (rule.allow) allowed.push({ type, major, minor, access });
      else allowed = allowed.map((entry) => without(entry, { type, major, minor, access }));
    }
  }
  return isEverything ? undefined : allowed.flatMap((entry) => specify(entry, drivers));
}

function without(entry: Allowed, denied: Allowed): Allowed {
  const covers = (wide: number | undefined, narrow: number | undefined) =>
    wide === undefined || wide === narrow;
  const isCovered =
    entry.type === denied.type &&
    covers(denied.major, entry.major) &&
    covers(denied.minor, entry.minor);
  if (!isCovered) return entry;
  const access = [...entry.access].filter((letter) => !denied.access.includes(letter)).join("");
  return { ...entry, access };
}

function specify({ type, major, minor, access }: Allowed, drivers: DeviceDrivers): AllowedDevice[] {
  if (access === "") return [];
  const kind = type === "b" ? "block" : "char";
  // One minor number of every driver is more than systemd can say.
  if (major === undefined) return [[`${kind}-*`, access]];
  if (minor !== undefined) return [[`/dev/${kind}/${major}:${minor}`, access]];
  // A driver that is not there has no devices to allow.
  const driver = drivers[type].get(major);
  return driver === undefined ? [] : [[`${kind}-${driver}`, access]];
}

/** Reads the text of /proc/devices (proc(5)). */
export function parseDeviceDrivers(text: string): DeviceDrivers {
  const drivers = { b: new Map<number, string>(), c: new Map<number, string>() };
  let current = drivers.c;
  for (const line of text.split("\n")) {
    if (line.startsWith("Block")) current = drivers.b;
    const match = /^\s*(\d+) (.+)$/.exec(line);
    const [, major, name] = match ?? [];
    // A number may have several drivers, as 4 has "/dev/vc/0" and "tty"; the last has a name that systemd finds.
    if (major !== undefined && name !== undefined) current.set(Number(major), name);
  }
  return drivers;
}
