import type { ContainerRecord } from "./record";

/** What tells a record of ours from an empty, cut, edited or foreign one. */

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number";
const isBoolean: Check = (value) => typeof value === "boolean";
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isListOf =
  (isItem: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(isItem);
const isMapOfTexts: Check = (value) => isObject(value) && Object.values(value).every(isText);
const isTexts = isListOf(isText);
const unless =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

/** Each property that is read, by its way from the outside in. */
const checks: readonly (readonly [way: readonly string[], check: Check])[] = [
  [["init_process_pid"], isNumber],
  [["init_process_start"], isNumber],
  [["created"], isText],
  [["cgroup_paths"], isMapOfTexts],
  [["namespace_paths"], isMapOfTexts],
  [["external_descriptors"], isTexts],
  [["config"], isObject],
  [["config", "rootfs"], isText],
  [["tsoci"], isObject],
  [["tsoci", "bundle"], isText],
  [["tsoci", "ociVersion"], isText],
  [["tsoci", "annotations"], unless(isMapOfTexts)],
  [["tsoci", "bootId"], isText],
  [["tsoci", "creator"], unless(isObject)],
  [["tsoci", "createdCgroups"], isTexts],
  [["tsoci", "createdGroups"], unless(isTexts)],
  [["tsoci", "unit"], unless(isObject)],
  [["tsoci", "ownPidNamespace"], isBoolean],
  [["tsoci", "joinedNamespaces"], isTexts],
  [["tsoci", "boundPaths"], isTexts],
  [["tsoci", "maskedPaths"], isTexts],
  [["tsoci", "hostMount"], unless(isObject)],
  [["tsoci", "hasProcess"], isBoolean],
  [["tsoci", "seccompListener"], unless(isObject)],
  [["tsoci", "hooks"], isObject],
  [["tsoci", "hooks", "poststart"], isListOf(isObject)],
  [["tsoci", "hooks", "poststop"], isListOf(isObject)],
  [["tsoci", "afterStart"], isObject],
  [["tsoci", "afterStart", "first"], isNumber],
  [["tsoci", "afterStart", "steps"], isListOf(isObject)],
];

/** Why a value is not the record of that container; undefined when it is. */
export function mistakeInRecord(value: unknown, id: string): string | undefined {
  if (!isObject(value)) return "it is not a record of tsoci";
  const { id: found } = value as Partial<ContainerRecord>;
  if (found !== id) return `"id" is ${JSON.stringify(found) ?? "missing"}, and must be "${id}"`;
  for (const [way, check] of checks) {
    let member: unknown = value;
    for (const name of way) member = (member as Readonly<Record<string, unknown>>)[name];
    if (!check(member)) return `"${way.join(".")}" is not as tsoci writes it`;
  }
  return undefined;
}
