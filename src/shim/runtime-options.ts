import type { Any } from "../generated/shim/any";
import {
  CreateOptions,
  CheckpointOptions as LinuxCheckpointOptions,
} from "../generated/shim/linux-runc-options";
import { CheckpointOptions, Options as RuncOptions } from "../generated/shim/options";
import { Options as GenericOptions } from "../generated/shim/runtime-options";
import { readBytes } from "../host/files";
import { kindOf, unpack } from "./any";
import { optionRefused } from "./option-refused";
import { readTomlOptions } from "./toml-options";

/** What a user may set for the runtime in the configuration of containerd, Docker and others; "" is not set. */
export interface ShimOptions {
  /** Directory that has one state root for each of containerd's namespaces. Absolute, as all paths here. */
  readonly root: string;
  readonly systemdCgroup: boolean;
  /** Where the shim itself is put: a cgroup of every hierarchy of v1, or of v2. */
  readonly shimCgroup: string;
  /** Who owns the pipes of containers in a user namespace. */
  readonly ioUid: number;
  readonly ioGid: number;
  readonly noPivotRoot: boolean;
  readonly noNewKeyring: boolean;
  readonly criuImagePath: string;
  readonly criuWorkPath: string;
  /** As it was set: a shim that is the runtime itself runs no other. */
  readonly binaryName: string;
}

interface Surroundings {
  /** Told which options have no effect. */
  readonly warn: (message: string) => void;
  /** The text of the file that generic options may name. */
  readonly readFile: (path: string) => string;
  /** Whether options of other kinds are refused or told: extensions of `start` may be for somebody else. */
  readonly others: "refuse" | "tell";
}

/** A file of options is some lines; a configuration of containerd, by mistake, some hundred. */
const maxFileBytes = 1024 * 1024;

const readFileOfHost = (path: string) => new TextDecoder().decode(readBytes(path, maxFileBytes));

/** Options of any kind in the words of those of runc, which ours are. */
type Reader = (options: Any, context: Surroundings) => Partial<RuncOptions>;

const readers: Readonly<Record<string, Reader>> = {
  [RuncOptions.$type]: (options) => unpack(RuncOptions, options),
  [GenericOptions.$type]: readGenericOptions,
  [CreateOptions.$type]: readCreateOptions,
};

/**
 * Reads options as `start` and Create bring them, where the later ones are stronger. `warn` is told what cannot have an
 * effect. Throws USAGE, with what was found and what was expected.
 */
export function readOptions(
  options: readonly Any[],
  warn: Surroundings["warn"],
  { readFile = readFileOfHost, others = "refuse" }: Partial<Omit<Surroundings, "warn">> = {},
): ShimOptions {
  const merged = RuncOptions.decode(new Uint8Array());
  for (const any of options) {
    Object.assign(merged, setFields(readAny(any, { warn, readFile, others })));
  }
  for (const [name, path] of [
    ["Root", merged.root],
    ["CriuImagePath", merged.criuImagePath],
    ["CriuWorkPath", merged.criuWorkPath],
  ] as const) {
    if (path !== "") assertAbsolute(name, path);
  }
  tellWithoutEffect(merged, warn);
  // Not `taskApiAddress` and `taskApiVersion`, which containerd reads itself.
  const { criuPath, taskApiAddress, taskApiVersion, ...ours } = merged;
  return ours;
}

function readAny(any: Any, context: Surroundings): Partial<RuncOptions> {
  const kind = kindOf(any);
  if (isEmpty(any)) return {};
  const read = readerOf(readers, kind);
  if (typeof read !== "string") return within(kind, () => read(any, context));
  if (context.others === "refuse") throw optionRefused(read);
  context.warn(`${read}: they have no effect`);
  return {};
}

/** What a client sends that has none to send. */
const isEmpty = ({ typeUrl, value }: Any) => typeUrl === "" && value.length === 0;

/** A message does not tell what was set to nothing from what was not set. */
const setFields = (options: Partial<RuncOptions>): Partial<RuncOptions> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value));

function readGenericOptions(any: Any, context: Surroundings): Partial<RuncOptions> {
  const { typeUrl, configPath, configBody } = unpack(GenericOptions, any);
  if (typeUrl !== "" && typeUrl !== RuncOptions.$type) {
    throw optionRefused(`"TypeUrl" is "${typeUrl}", expected "${RuncOptions.$type}" or nothing`);
  }
  if (configPath === "") return readTomlOptions(new TextDecoder().decode(configBody));
  assertAbsolute("ConfigPath", configPath);
  try {
    return readTomlOptions(context.readFile(configPath));
  } catch (cause) {
    throw optionRefused(`read "${configPath}"`, cause);
  }
}

/** What it has of a restore, and nobody but a shim of the first version did anything with. */
const ofRestore = {
  openTcp: "open_tcp",
  externalUnixSockets: "external_unix_sockets",
  terminal: "terminal",
  fileLocks: "file_locks",
  emptyNamespaces: "empty_namespaces",
  cgroupsMode: "cgroups_mode",
} as const;

function readCreateOptions(any: Any, { warn }: Surroundings): Partial<RuncOptions> {
  const options = unpack(CreateOptions, any);
  for (const [field, name] of Object.entries(ofRestore)) {
    const value = options[field as keyof typeof ofRestore];
    const isSet = typeof value === "object" ? value.length > 0 : Boolean(value);
    if (isSet) warn(`option "${name}" has no effect on how a container is created`);
  }
  const { noPivotRoot, noNewKeyring, shimCgroup, ioUid, ioGid, criuWorkPath, criuImagePath } =
    options;
  return { noPivotRoot, noNewKeyring, shimCgroup, ioUid, ioGid, criuWorkPath, criuImagePath };
}

function tellWithoutEffect({ binaryName, criuPath }: RuncOptions, warn: (message: string) => void) {
  const program = binaryName.slice(binaryName.lastIndexOf("/") + 1);
  if (program !== "" && program !== "tsoci") {
    warn(`option "BinaryName" is "${binaryName}", and has no effect: this shim is the runtime`);
  }
  if (criuPath !== "") {
    warn(`option "CriuPath" is "${criuPath}", and has no effect: CRIU is looked for in PATH`);
  }
}

function assertAbsolute(name: string, path: string): void {
  if (path.startsWith("/")) return;
  throw optionRefused(`option "${name}" is "${path}", and must be an absolute path`);
}

const checkpointReaders: Readonly<Record<string, (options: Any) => CheckpointOptions>> = {
  [CheckpointOptions.$type]: (options) => unpack(CheckpointOptions, options),
  [LinuxCheckpointOptions.$type]: (options) => ({
    ...unpack(LinuxCheckpointOptions, options),
    parentPath: "",
  }),
};

/** Reads the options of Checkpoint; without any all are unset. Throws USAGE. */
export function readCheckpointOptions(options: Any | undefined): CheckpointOptions {
  if (options === undefined || isEmpty(options)) return CheckpointOptions.decode(new Uint8Array());
  const read = readerOf(checkpointReaders, kindOf(options));
  if (typeof read === "string") throw optionRefused(read);
  return within(kindOf(options), () => read(options));
}

/** A string says what was found and what was expected. */
function readerOf<Reader>(all: Readonly<Record<string, Reader>>, kind: string): Reader | string {
  const expected = Object.keys(all).map((known) => `"${known}"`);
  const mistake = `options are of the kind "${kind}", expected ${expected.join(" or ")}`;
  return (Object.hasOwn(all, kind) ? all[kind] : undefined) ?? mistake;
}

function within<Read>(kind: string, read: () => Read): Read {
  try {
    return read();
  } catch (cause) {
    throw optionRefused(`read options of the kind "${kind}"`, cause);
  }
}
