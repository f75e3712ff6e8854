import { RuntimeError } from "../errors/runtime-error";
import { type MountOptions, parseMountOptions } from "../spec/mount-options";

/** What the options of a mount of containerd ask for: those of every mount, and those that containerd adds. */
export interface RootfsOptions {
  readonly common: MountOptions;
  /** The source is a file that holds a file system. */
  readonly loop: boolean;
  readonly directIo: boolean;
  /** Lines for /proc/PID/uid_map and gid_map: an id on the disk, the one that is seen, and how many. */
  readonly idMaps: { readonly uidMap: string; readonly gidMap: string } | undefined;
}

/** Options of config.json that containerd does not have, and that a rootfs would get wrong without a word. */
const notForRootfs: Readonly<Record<string, (options: MountOptions) => boolean>> = {
  remount: ({ remount }) => remount,
  tmpcopyup: ({ copyUp }) => copyUp,
  "copy-symlink": ({ copySymlink }) => copySymlink,
  "idmap or ridmap": ({ idmap }) => idmap !== "no",
};

/** Sorts the options of one mount of `rootfs`. Throws USAGE for what cannot be done. */
export function parseRootfsOptions(options: readonly string[]): RootfsOptions {
  const internal = options.find((option) => option.startsWith("X-containerd."));
  if (internal !== undefined) {
    throw refusal(`option "${internal}" is for containerd's mount manager, which left it in`);
  }
  const loop = options.includes("loop");
  const own = (option: string) =>
    option === "loop" || (loop && option === "direct-io") || /^[ug]idmap=/.test(option);
  const common = parseMountOptions(options.filter((option) => !own(option)));
  for (const [name, isAskedFor] of Object.entries(notForRootfs)) {
    if (isAskedFor(common)) throw refusal(`option "${name}" is none of a rootfs`);
  }
  return {
    common,
    loop,
    directIo: loop && options.includes("direct-io"),
    idMaps: idMapsOf(textAfter(options, "uidmap="), textAfter(options, "gidmap=")),
  };
}

const textAfter = (options: readonly string[], prefix: string) =>
  options.findLast((option) => option.startsWith(prefix))?.slice(prefix.length);

function idMapsOf(uids: string | undefined, gids: string | undefined): RootfsOptions["idMaps"] {
  if (uids === undefined && gids === undefined) return undefined;
  if (uids === undefined || gids === undefined) {
    throw refusal(`option "${uids === undefined ? "g" : "u"}idmap" is alone, expected both`);
  }
  return { uidMap: mapLines("uidmap", uids), gidMap: mapLines("gidmap", gids) };
}

/** "0:100000:65536,..." as the kernel has it. */
function mapLines(name: string, ranges: string): string {
  const lines = ranges.split(",").map((range) => {
    if (/^\d+:\d+:\d+$/.test(range)) return range.replaceAll(":", " ");
    throw refusal(`option "${name}" has "${range}", expected ID:ID:COUNT`);
  });
  return `${lines.join("\n")}\n`;
}

/** mount(2) takes a page, of which the last byte is NUL. */
const maxDataBytes = 4095;
const lowerDirOption = "lowerdir=";

/** The layers that overlay has on the disk, without its escapes. */
export function lowerDirsOf(data: readonly string[]): string[] {
  const option = data.find((each) => each.startsWith(lowerDirOption)) ?? lowerDirOption;
  const dirs = splitLayers(option.slice(lowerDirOption.length));
  return dirs.filter((dir) => dir !== "").map((dir) => unescapePath(dir));
}

/** A colon ends a layer unless a backslash is before it; an empty one marks those that hold only data. */
const splitLayers = (list: string) => list.split(/(?<!\\):/);

const unescapePath = (path: string) => path.replace(/\\(.)/gs, "$1");

/**
 * The data of mount(2). Where overlay's layers take more than fits they are named from the directory that all
 * are below, which is `workingDir`; otherwise that is "". Throws USAGE when even that takes too much.
 */
export function fitData(
  type: string,
  data: readonly string[],
): { readonly data: string; readonly workingDir: string } {
  const whole = { data: data.join(","), workingDir: "" };
  if (Buffer.byteLength(whole.data) <= maxDataBytes) return whole;
  const shortened = type === "overlay" ? shortenLayers(data) : whole;
  const bytes = Buffer.byteLength(shortened.data);
  if (bytes <= maxDataBytes) return shortened;
  throw refusal(`options take ${bytes} bytes, expected at most ${maxDataBytes}`);
}

function shortenLayers(data: readonly string[]): { data: string; workingDir: string } {
  const index = data.findIndex((option) => option.startsWith(lowerDirOption));
  const layers = splitLayers(data[index]?.slice(lowerDirOption.length) ?? "");
  const common = commonParent(layers.filter((layer) => layer !== ""));
  if (common === undefined) return { data: data.join(","), workingDir: "" };
  const names = layers.map((layer) => layer.slice(common.length));
  const short = data.with(index, `${lowerDirOption}${names.join(":")}`);
  return { data: short.join(","), workingDir: unescapePath(common) };
}

/** The directory, with a slash behind it, that all are below; none when one of them is relative, or the root. */
function commonParent(paths: readonly string[]): string | undefined {
  const isBelow = (path: string) => path.startsWith("/") && path !== "/";
  if (paths.length === 0 || !paths.every(isBelow)) return undefined;
  let common = paths[0] ?? "";
  for (const path of paths) {
    while (!path.startsWith(common) || path.length === common.length) common = parentOf(common);
  }
  return common.endsWith("/") ? common : parentOf(common);
}

/** With the slash behind it. */
const parentOf = (path: string) => path.slice(0, path.lastIndexOf("/", path.length - 2) + 1);

export const refusal = (message: string) => new RuntimeError("USAGE", message);
