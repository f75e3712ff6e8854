import type { Addon } from "../addon/bindings";
import type { Bundle } from "../bundle/bundle";
import { RuntimeError } from "../errors/runtime-error";
import type { Config, Seccomp } from "../generated/config";
import type { SeccompListener } from "../plan/seccomp";
import { askedOfCrun } from "../spec/crun-annotations";
import type { FilterCache } from "../state/filter-cache";
import type { RuntimeOptions } from "./requests";

/** The filter of `linux.seccomp`, as init loads it. */
export interface Filter {
  readonly program: Uint8Array;
  readonly flags: number;
  readonly listener?: SeccompListener;
  /** Keeps what had to be compiled for the next container; absent when it was kept already. Never throws. */
  readonly keep?: () => void;
}

export interface FilterSurroundings {
  readonly addon: Addon;
  readonly bundleDir: string;
  readonly annotations?: Config["annotations"];
  /** Undefined: each filter is compiled. */
  readonly cache?: FilterCache;
  readonly debug?: (message: string) => void;
}

/** The filter of a container to be, from the cache of its state root if it is there. */
export function prepareFilter(
  { addon, stateRoot, debug }: RuntimeOptions,
  { config, dir }: Bundle,
  euid: number,
): Filter | undefined {
  const seccomp = config.linux?.seccomp;
  if (seccomp === undefined) return undefined;
  const { FilterCache } =
    require("../state/filter-cache") as typeof import("../state/filter-cache");
  return compileFilter(seccomp, {
    addon,
    bundleDir: dir,
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
    cache: new FilterCache(addon, stateRoot, euid),
    ...(debug === undefined ? {} : { debug }),
  });
}

/** Compiled before anything is made; undefined when the config has none. */
export function compileFilter(
  seccomp: Seccomp | undefined,
  { addon, bundleDir, annotations, cache, debug }: FilterSurroundings,
): Filter | undefined {
  if (seccomp === undefined) return undefined;
  const { planFilter, filterText, loadFlags, listenerOf } =
    require("../plan/seccomp") as typeof import("../plan/seccomp");
  const key = cache?.keyOf(filterText(seccomp));
  const found = key === undefined ? undefined : cache?.find(key);
  const filter = found ?? compileProgram(addon, planFilter(seccomp));
  if (debug !== undefined) {
    for (const name of filter.unknownSyscalls) debug(`unknown seccomp syscall "${name}" ignored`);
    debug(`seccomp filter flags: ${loadFlags(seccomp)}`);
  }
  if (askedOfCrun(annotations, "failUnknownSyscall") && filter.unknownSyscalls.length > 0) {
    const names = filter.unknownSyscalls.map((name) => `"${name}"`).join(", ");
    throw new RuntimeError("CONFIG_INVALID", `/linux/seccomp names unknown system calls: ${names}`);
  }
  const listener = listenerOf(seccomp, bundleDir, annotations);
  return {
    program: filter.program,
    flags: loadFlags(seccomp),
    ...(listener === undefined ? {} : { listener }),
    ...(key === undefined || found !== undefined ? {} : { keep: () => cache?.keep(key, filter) }),
  };
}

function compileProgram(addon: Addon, request: Parameters<Addon["compileSeccomp"]>[0]) {
  try {
    return addon.compileSeccomp(request);
  } catch (cause) {
    throw new RuntimeError("CONFIG_INVALID", "compile /linux/seccomp", { cause });
  }
}
