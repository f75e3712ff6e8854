import type { Mount } from "../generated/config";
import type { Issue } from "./issue";
import { type MountOptions, parseMountOptions } from "./mount-options";
import { findMistake, issueAtBegin, parseFragment, type Surround } from "./parse-fragment";
import { cleanPath } from "./paths";

export type ParsedMounts =
  | { readonly ok: true; readonly mounts: readonly Mount[]; readonly warnings: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** What init keeps hold of until all are there: kMaxAttached in native/init/context.h. */
const mostMounts = 64;

const clause = "config.md#mounts";

/** Whether there is a user namespace to take mappings from is known when the container is. */
const surround: Surround = {
  head:
    '{"ociVersion":"1.3.0","root":{"path":"/"},"linux":{"namespaces":[{"type":"user"}],' +
    '"uidMappings":[{"containerID":0,"hostID":0,"size":1}],"gidMappings":[{"containerID":0,"hostID":0,"size":1}]},"mounts":',
  tail: "\n}",
  prefix: "/mounts",
  clause,
};

/** Reads and checks `mounts` alone, as the part of a config.json that they are. Pointers begin at the list. */
export function parseMounts(text: string): ParsedMounts {
  const parsed = parseFragment(text, surround);
  if (!parsed.ok) return parsed;
  const mistake = findMistake(text, surround);
  if (mistake !== undefined) return { ok: false, issues: [mistake] };
  const { mounts } = parsed.config;
  if (mounts === undefined) return refused("is null, expected a list");
  if (mounts.length > mostMounts)
    return refused(`has ${mounts.length} mounts, and at most ${mostMounts} are made at once`);
  return { ok: true, mounts, warnings: parsed.warnings };
}

const refused = (message: string): ParsedMounts => ({
  ok: false,
  issues: [issueAtBegin(message, clause)],
});

/** Why a mount can come only with the container: each with what it is. */
const onlyWithContainer: readonly {
  readonly isIt: (mount: Mount, options: MountOptions, container: { mapsIds: boolean }) => boolean;
  readonly problem: string;
}[] = [
  {
    isIt: (_, { remount }) => remount,
    problem: 'has the option "remount", and only new mounts can be added',
  },
  {
    isIt: (_, { copySymlink }) => copySymlink,
    problem: 'has the option "copy-symlink", which makes a link, and only mounts can be added',
  },
  {
    isIt: ({ type }, { bind }) => bind === "no" && type === "cgroup",
    problem: 'has the type "cgroup", which only a new container gets',
  },
  {
    // Nothing would lie over what the container is not to see there.
    isIt: ({ type }, { bind }) => bind === "no" && type === "proc",
    problem: 'has the type "proc", which only a new container gets, with its masked paths',
  },
  {
    isIt: ({ destination }) => cleanPath(destination) === "/",
    problem: "is on the root, which the container's processes have already",
  },
  {
    isIt: ({ uidMappings }, { idmap }, { mapsIds }) =>
      idmap !== "no" && !mapsIds && (uidMappings ?? []).length === 0,
    problem: "is to be id-mapped, and needs mappings of its own, as the container has none",
  },
];

/** The first of valid mounts that cannot come into a container that lives: `mapsIds` says that it has a user namespace. */
export function findNotAddable(
  mounts: readonly Mount[],
  container: { mapsIds: boolean },
): { readonly pointer: string; readonly problem: string } | undefined {
  for (const [index, mount] of mounts.entries()) {
    const options = parseMountOptions(mount.options ?? []);
    const found = onlyWithContainer.find(({ isIt }) => isIt(mount, options, container));
    if (found !== undefined) return { pointer: `/${index}`, problem: found.problem };
  }
  return undefined;
}
