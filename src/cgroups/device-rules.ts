import { RuntimeError } from "../errors/runtime-error";
import type { DeviceRule as ConfigRule } from "../generated/config";

/** One rule about devices, complete: what config.json leaves out stands for all. */
export interface DeviceRule {
  readonly allow: boolean;
  /** `a` is both kinds. */
  readonly type: "a" | "b" | "c";
  /** Undefined is every number. */
  readonly major: number | undefined;
  readonly minor: number | undefined;
  readonly access: Access;
}

/** What may be done with a device: some of "rwm", in this order. */
export type Access = string;

const everyAccess: Access = "rwm";
const largestNumber = 0xffff_ffff;

/**
 * What runc allows every container, after the rules of config.json: making any node (using it is another
 * matter), and the devices of config-linux.md#default-devices with the terminals and tun. Engines count on it.
 */
const defaultRules: readonly DeviceRule[] = [
  allowCharacter(undefined, undefined, "m"),
  { ...allowCharacter(undefined, undefined, "m"), type: "b" },
  allowCharacter(1, 3, everyAccess), // null
  allowCharacter(1, 8, everyAccess), // random
  allowCharacter(1, 7, everyAccess), // full
  allowCharacter(5, 0, everyAccess), // tty
  allowCharacter(1, 5, everyAccess), // zero
  allowCharacter(1, 9, everyAccess), // urandom
  allowCharacter(136, undefined, everyAccess), // pts/*
  allowCharacter(5, 2, everyAccess), // ptmx
  allowCharacter(10, 200, everyAccess), // net/tun
];

function allowCharacter(
  major: number | undefined,
  minor: number | undefined,
  access: Access,
): DeviceRule {
  return { allow: true, type: "c", major, minor, access };
}

/** Nothing is allowed that no rule allows. */
const denyAll: DeviceRule = {
  allow: false,
  type: "a",
  major: undefined,
  minor: undefined,
  access: everyAccess,
};

/**
 * `linux.resources.devices` and the rules that every container gets, in the order in which they apply: of
 * several that match, the last decides. Throws CONFIG_INVALID.
 */
export function listDeviceRules(configured: readonly ConfigRule[]): readonly DeviceRule[] {
  const rules = configured.map(completeRule);
  const first = rules[0];
  const isDecided = first !== undefined && isForEverything(first);
  return [...(isDecided ? [] : [denyAll]), ...rules, ...defaultRules];
}

function completeRule(rule: ConfigRule, index: number): DeviceRule {
  const pointer = `/linux/resources/devices/${index}`;
  return {
    allow: rule.allow,
    type: rule.type ?? "a",
    major: completeNumber(rule.major, `${pointer}/major`),
    minor: completeNumber(rule.minor, `${pointer}/minor`),
    access: completeAccess(rule.access, `${pointer}/access`),
  };
}

/** -1 is runc's way to write "every"; engines send it. */
function completeNumber(number: number | bigint | undefined, pointer: string): number | undefined {
  if (number === undefined || Number(number) === -1) return undefined;
  if (number >= 0 && number <= largestNumber) return Number(number);
  throw new RuntimeError(
    "CONFIG_INVALID",
    `"${pointer}" is ${number}, and must be -1 or from 0 to ${largestNumber}`,
  );
}

/** The specification does not say what a rule without access is about, so none is guessed. */
function completeAccess(access: string | undefined, pointer: string): Access {
  // Letters that mean nothing were warned about when the config was checked, and engines send them.
  let known = "";
  for (const letter of everyAccess) if (access?.includes(letter)) known += letter;
  if (known !== "") return known;
  const found = access === undefined ? "missing" : JSON.stringify(access);
  throw new RuntimeError(
    "CONFIG_INVALID",
    `"${pointer}" is ${found}, and must be one or more of "r", "w", "m"`,
  );
}

export function isForEverything({ type, major, minor, access }: DeviceRule): boolean {
  return type === "a" && major === undefined && minor === undefined && access === everyAccess;
}

/** One write to a file of the devices controller of cgroup v1. */
export interface DeviceWrite {
  readonly file: "devices.allow" | "devices.deny";
  readonly line: string;
}

/** The rules as writes to a cgroup v1, in order. */
export function writesOf(rules: readonly DeviceRule[]): readonly DeviceWrite[] {
  const writes: DeviceWrite[] = [];
  for (const rule of rules) {
    const file = rule.allow ? "devices.allow" : "devices.deny";
    if (isForEverything(rule)) {
      writes.push({ file, line: "a" });
      continue;
    }
    const numbers = `${rule.major ?? "*"}:${rule.minor ?? "*"}`;
    // The kernel takes "a" for all devices whatever follows it, so a narrower rule is written twice.
    for (const type of rule.type === "a" ? ["b", "c"] : [rule.type]) {
      writes.push({ file, line: `${type} ${numbers} ${rule.access}` });
    }
  }
  return writes;
}
