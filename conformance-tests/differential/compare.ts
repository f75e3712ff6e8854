import { readlinkSync } from "node:fs";
import type { Container } from "../support/container";
import type { Report } from "../support/report";

/** Where two reports differ, and what each of them has there. */
export interface Difference {
  /** "mounts./dev.options", say. */
  readonly path: string;
  readonly ours: unknown;
  readonly theirs: unknown;
}

/** A report without what differs from one container to the next whoever makes it. */
export function comparable(report: Report, box: Container): Record<string, unknown> {
  const { clocks: _, tries, mounts, namespaces, keyring, fds, ...rest } = report;
  const { pid, parentPid, processGroup, session, cwd, ...others } = rest;
  // Without a pid namespace of its own, and with exec, these are whatever numbers were next.
  const isFirst = pid === 1;
  const text = JSON.stringify({
    ...others,
    ...(isFirst ? { pid, parentPid, processGroup, session } : {}),
    cwd: cwd.replace(/^\/proc\/\d+$/, "/proc/self"),
    keyring: keyring.description.replace(/^.*;_ses/, "_ses"),
    namespaces: Object.fromEntries(
      Object.entries(namespaces).map(([kind, name]) => [kind, isOurs(kind, name)]),
    ),
    fds: fds.map(({ fd, target, closeOnExec }) => [fd, nameless(target), closeOnExec]),
    mounts: byTarget(mounts),
    tries: tries.map(({ device: _d, inode: _i, entries, ...seen }) => ({
      ...seen,
      entries: entries?.toSorted(),
    })),
  });
  return JSON.parse(text.replaceAll(box.dir, "BOX").replaceAll(box.id, "ID"));
}

/** The callers' files are made anew for each call. */
const nameless = (target: string) =>
  target.replace(/\d+/g, "N").replace(/^.*\/(std(?:in|out|err))$/, "$1");

const isOurs = (kind: string, name: string) =>
  readlinkSync(`/proc/self/ns/${kind}`) === name ? "the caller's" : "its own";

/** A second mount on the same target has a name of its own. */
function byTarget(mounts: Report["mounts"]): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const { target, root, options, optional, type, source, superOptions } of mounts) {
    let name = target;
    while (name in found) name += "+";
    found[name] = {
      root,
      type,
      source,
      options: options.split(",").sort().join(),
      superOptions: superOptions.split(",").sort().join(),
      optional: optional.map((word) => word.replace(/\d+/, "N")),
    };
  }
  return found;
}

/** All places where two values differ, deepest first. */
export function differences(ours: unknown, theirs: unknown, path = ""): Difference[] {
  if (Object.is(ours, theirs)) return [];
  if (!isComposed(ours) || !isComposed(theirs)) return [{ path, ours, theirs }];
  const keys = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
  return [...keys].flatMap((key) =>
    differences(ours[key], theirs[key], path === "" ? key : `${path}.${key}`),
  );
}

const isComposed = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
