import type { CriuSettings } from "../checkpoint/criu-options";
import { cgroupModes, emptyNamespaces } from "../checkpoint/criu-options";
import { RuntimeError } from "../errors/runtime-error";
import type { Any } from "../generated/shim/any";
import type { CheckpointRequest, CreateRequest, RestoreRequest } from "../lifecycle/requests";
import { readCheckpointOptions, type ShimOptions } from "./runtime-options";

/** What nobody can choose through a shim. */
const plain = {
  tcpClose: false,
  shellJob: false,
  lazyPages: false,
  autoDedup: false,
} as const;

/** What `Checkpoint` asks for. Throws USAGE when the options are none that can be done. */
export function checkpointRequestOf(
  id: string,
  path: string,
  options: Any | undefined,
): CheckpointRequest {
  const asked = readCheckpointOptions(options);
  const { workPath, parentPath } = asked;
  const imageDir = asked.imagePath || path;
  if (!imageDir.startsWith("/")) {
    const found = JSON.stringify(imageDir);
    throw new RuntimeError(
      "USAGE",
      `the checkpoint is to be at ${found}, expected an absolute path`,
    );
  }
  return {
    ...plain,
    id,
    imageDir,
    ...(workPath === "" ? {} : { workDir: workPath }),
    ...(parentPath === "" ? {} : { parentPath }),
    leaveRunning: !asked.exit,
    preDump: false,
    tcpEstablished: asked.openTcp,
    externalUnixSockets: asked.externalUnixSockets,
    shellJob: asked.terminal,
    fileLocks: asked.fileLocks,
    emptyNamespaces: asked.emptyNamespaces.map(emptyNamespace),
    ...cgroupsMode(asked.cgroupsMode),
    tcpSkipInFlight: false,
    linkRemap: false,
  };
}

function emptyNamespace(name: string): CriuSettings["emptyNamespaces"][number] {
  const found = emptyNamespaces.find((known) => known === name);
  if (found !== undefined) return found;
  throw new RuntimeError(
    "USAGE",
    `empty_namespaces has ${JSON.stringify(name)}, expected ${emptyNamespaces.join(" or ")}`,
  );
}

function cgroupsMode(name: string): Pick<CriuSettings, "manageCgroupsMode"> {
  if (name === "") return {};
  if (Object.hasOwn(cgroupModes, name))
    return { manageCgroupsMode: name as keyof typeof cgroupModes };
  throw new RuntimeError(
    "USAGE",
    `cgroups_mode is ${JSON.stringify(name)}, expected ${Object.keys(cgroupModes).join(", ")}`,
  );
}

/** A container that comes out of a checkpoint. */
export const restoreRequestOf = (
  created: CreateRequest,
  { criuWorkPath }: Pick<ShimOptions, "criuWorkPath">,
  checkpoint: string,
): RestoreRequest => ({
  ...plain,
  ...created,
  imageDir: checkpoint,
  ...(criuWorkPath === "" ? {} : { workDir: criuWorkPath }),
  detach: true,
  subreaper: false,
  tcpEstablished: true,
  externalUnixSockets: true,
  fileLocks: true,
  emptyNamespaces: [],
});
