import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import type { Config, Rlimit, Scheduler } from "../generated/config";
import { readBytes, readText, writeNew, writeNewBytes } from "../host/files";
import type { SeccompListener } from "../plan/seccomp";
import { containerDir } from "./store";

/**
 * What further processes of a container are made from: what its config.json said of the first one when
 * `create` read it. In files of its own, as only `exec` wants it.
 */
export interface ProcessTemplate {
  /** Only what holds for every process of the container. */
  readonly config: Config;
  /** False: the container was made with `--no-new-keyring`. */
  readonly newKeyring: boolean;
  /** The compiled filter of `linux.seccomp`. */
  readonly seccomp?: {
    readonly program: Uint8Array;
    readonly flags: number;
    readonly listener?: SeccompListener;
  };
}

const templateFile = "process.json";
const filterFile = "seccomp.bpf";
/** More than BPF_MAXINSNS takes. */
const mostFilterBytes = 65536;

/** The part of a config that a further process, or a further mount, has too. */
function commonPart({ ociVersion, root, process, linux }: Config): Config {
  const { namespaces, personality, memoryPolicy, mountLabel, uidMappings, gidMappings } =
    linux ?? {};
  return {
    ociVersion,
    root,
    ...(process === undefined ? {} : { process }),
    linux: {
      ...(mountLabel === undefined ? {} : { mountLabel }),
      ...(uidMappings === undefined ? {} : { uidMappings }),
      ...(gidMappings === undefined ? {} : { gidMappings }),
      ...(namespaces === undefined ? {} : { namespaces }),
      ...(personality === undefined ? {} : { personality }),
      ...(memoryPolicy === undefined ? {} : { memoryPolicy }),
    },
  };
}

/** `create` writes it, into the container's own directory. */
export function saveTemplate(stateRoot: string, id: string, template: ProcessTemplate): void {
  const dir = containerDir(stateRoot, id);
  const { config, newKeyring, seccomp } = template;
  const filter = seccomp && { flags: seccomp.flags, listener: seccomp.listener };
  const text = JSON.stringify({ config: commonPart(config), newKeyring, filter }, bigintAsText);
  try {
    writeNew(`${dir}/${templateFile}`, text, 0o600);
    if (seccomp !== undefined) writeNewBytes(`${dir}/${filterFile}`, seccomp.program);
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", `write the process's template in "${dir}"`, { cause });
  }
}

/** Throws CONTAINER_UNKNOWN when the container was deleted meanwhile, and STATE_UNREADABLE. */
export function loadTemplate(stateRoot: string, id: string): ProcessTemplate {
  const dir = containerDir(stateRoot, id);
  try {
    const { filter, ...template } = parseTemplate(readText(`${dir}/${templateFile}`));
    if (filter === undefined) return template;
    const program = readBytes(`${dir}/${filterFile}`, mostFilterBytes);
    return { ...template, seccomp: { ...filter, program } };
  } catch (cause) {
    if (isErrno(cause, "ENOENT"))
      throw new RuntimeError("CONTAINER_UNKNOWN", "container does not exist");
    throw new RuntimeError("STATE_UNREADABLE", `read the process's template in "${dir}"`, {
      cause,
    });
  }
}

type StoredFilter = Omit<NonNullable<ProcessTemplate["seccomp"]>, "program">;

function parseTemplate(
  text: string,
): Omit<ProcessTemplate, "seccomp"> & { readonly filter?: StoredFilter } {
  try {
    const { config, newKeyring, filter } = JSON.parse(text);
    return { config: withBigints(config), newKeyring, filter };
  } catch {
    // In what words differs between engines.
    throw new Error(`"${templateFile}" is not as create wrote it`);
  }
}

/** Numbers beyond 2^53, which JSON does not have: of limits and of a scheduler's times. */
const bigintAsText = (_key: string, value: unknown) =>
  typeof value === "bigint" ? String(value) : value;

function withBigints(config: Config): Config {
  const { process } = config;
  if (process === undefined) return config;
  const { rlimits, scheduler } = process;
  return {
    ...config,
    process: {
      ...process,
      ...(rlimits === undefined ? {} : { rlimits: rlimits.map(limitWithBigints) }),
      ...(scheduler === undefined ? {} : { scheduler: schedulerWithBigints(scheduler) }),
    },
  };
}

const limitWithBigints = (limit: Rlimit): Rlimit => ({
  ...limit,
  soft: BigInt(limit.soft),
  hard: BigInt(limit.hard),
});

function schedulerWithBigints(scheduler: Scheduler): Scheduler {
  const { runtime, deadline, period } = scheduler;
  return {
    ...scheduler,
    ...(runtime === undefined ? {} : { runtime: BigInt(runtime) }),
    ...(deadline === undefined ? {} : { deadline: BigInt(deadline) }),
    ...(period === undefined ? {} : { period: BigInt(period) }),
  };
}
