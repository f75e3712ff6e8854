import { RuntimeError } from "../../errors/runtime-error";

/** A unit of systemd, and the slice that it is in. */
export interface Unit {
  /** As "runc-web.scope", or a slice itself. */
  readonly name: string;
  readonly slice: string;
}

/** What stands before the id in a unit's name when the config names none. */
const defaultPrefix = "tsoci";

/** Reads `linux.cgroupsPath` as callers write it for systemd, "slice:prefix:name". Throws CONFIG_INVALID. */
export function unitOf(
  cgroupsPath: string | undefined,
  id: string,
  options: { readonly defaultSlice: string },
): Unit {
  const text = cgroupsPath || `:${defaultPrefix}:${id}`;
  const parts = text.split(":");
  const [slice = "", prefix = "", name = ""] = parts;
  if (parts.length !== 3 || text.includes("/")) {
    throw new RuntimeError(
      "CONFIG_INVALID",
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got ${JSON.stringify(text)} instead`,
    );
  }
  const unit = {
    name: name.endsWith(".slice") ? name : `${prefix === "" ? "" : `${prefix}-`}${name}.scope`,
    slice: slice === "" ? options.defaultSlice : slice,
  };
  assertUnitName(unit.name);
  assertUnitName(unit.slice);
  // So that a slice that cannot be is refused here.
  pathOfSlice(unit.slice);
  return unit;
}

/** Where systemd puts the unit, from its own cgroup: a "-" in a slice's name is one below another. */
export function pathOfUnit({ name, slice }: Unit): string {
  if (name.endsWith(".slice")) return pathOfSlice(name);
  return `${pathOfSlice(slice)}/${escapeName(name)}`;
}

/** "a-b.slice" is in "a.slice/a-b.slice", and "-.slice" is the top. */
export function pathOfSlice(slice: string): string {
  const ending = ".slice";
  const refused = new RuntimeError(
    "CONFIG_INVALID",
    `"/linux/cgroupsPath" names the slice ${JSON.stringify(slice)}, and a slice's name is words with "-" between them, and "${ending}"`,
  );
  if (!slice.endsWith(ending)) throw refused;
  const words = slice.slice(0, -ending.length);
  if (words === "-") return "";
  let path = "";
  let prefix = "";
  for (const word of words.split("-")) {
    if (word === "") throw refused;
    prefix += prefix === "" ? word : `-${word}`;
    path += `/${escapeName(`${prefix}${ending}`)}`;
  }
  return path;
}

/** systemd marks a directory whose name could be one of the kernel's own files (cg_escape). */
function escapeName(name: string): string {
  const isKernels =
    /^(?:_|\.)/.test(name) ||
    /^(?:notify_on_release|release_agent|tasks)$/.test(name) ||
    /^(?:cgroup|cpu|cpuacct|cpuset|io|blkio|memory|devices|pids)\./.test(name);
  return isKernels ? `_${name}` : name;
}

/** systemd.unit(5): at most 255 of these characters. */
function assertUnitName(name: string): void {
  if (/^[\w:.\\@-]{1,255}$/.test(name)) return;
  throw new RuntimeError(
    "CONFIG_INVALID",
    `"/linux/cgroupsPath" names the unit ${JSON.stringify(name)}, and systemd allows at most 255 letters, digits and ":-_.\\@"`,
  );
}
