import { type Bundle, openBundle } from "../bundle/bundle";
import { birthplaceOf, type Cgroup, cgroupPaths, locateCgroup } from "../cgroups/cgroup";
import { type CgroupPlace, placeCgroup, placeNowhere } from "../cgroups/place";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile, makeDirectory } from "../host/files";
import { readHostFacts } from "../host/read-facts";
import { type LaunchedInit, launchInit } from "../launch/launch";
import type { HostFacts } from "../plan/host-facts";
import { notifyMountPoint } from "../plan/mounts";
import { type ContainerPlan, planContainer } from "../plan/plan";
import type { ResctrlGroups } from "../resctrl/groups";
import { hookState } from "../state/oci-state";
import type { ContainerRecord } from "../state/record";
import { assertStateRootIsOurs, gatePath, notifyDir, notifyFile } from "../state/store";
import { saveTemplate } from "../state/template";
import type { Trace } from "../trace/trace";
import { assertAvailable } from "./applicable";
import { setLimits, streamsOf, takeConsole } from "./common-init";
import type { Filter } from "./compile-filter";
import { assertConsoleFits } from "./console-fits";
import { makeContainerCgroup } from "./container-cgroup";
import { publish, sendPidfd } from "./container-record";
import { type InheritedDescriptors, inheritedDescriptors } from "./inherited-descriptors";
import { MakersLock } from "./lock";
import { managerOf } from "./notify";
import type { CreateRequest, RuntimeOptions } from "./requests";
import type { PlannedUnit } from "./systemd-unit";
import { takeId } from "./take-id";
import { UndoStack } from "./undo-stack";

/** A container that waits for `start`, and what its maker still holds of it. */
export interface MadeContainer {
  readonly record: ContainerRecord;
  readonly bundle: Bundle;
  /** The caller closes it. */
  readonly pidfd: number;
  /** The terminal's master, when nobody else was to get it; -1 otherwise. The caller closes it. */
  readonly masterFd: number;
}

/**
 * All of a container except its program: runtime.md#create. Whatever fails, nothing is left behind; what
 * cannot be taken back is named in the error.
 */
export function makeContainer(
  runtime: RuntimeOptions,
  request: CreateRequest,
  streams: { readonly attached: boolean },
  trace: Trace,
  source: InitSource = launched,
): MadeContainer {
  const bundle = trace.step("read the bundle", () => openBundle(request.bundleDir));
  assertConsoleFits(bundle.config.process, request, streams);
  for (const warning of bundle.warnings) runtime.warn(warning);
  const host = trace.step("read host facts", readHostFacts);
  assertAvailable(runtime, bundle.config, host);
  const place = trace.step("place the cgroup", () =>
    choosePlace(runtime, host, bundle, request.id),
  );
  try {
    return makePlaced(runtime, request, { bundle, host, place, source }, trace);
  } finally {
    place.unit?.connection.close();
  }
}

interface Placed {
  readonly bundle: Bundle;
  readonly host: HostFacts;
  readonly place: Place;
  readonly source: InitSource;
}

function makePlaced(
  runtime: RuntimeOptions,
  request: CreateRequest,
  { bundle, host, place, source }: Placed,
  trace: Trace,
): MadeContainer {
  if (place.warning !== undefined) runtime.warn(place.warning);
  const facts = { ...host, cgroups: place.layout };
  const filter = trace.step("get the seccomp filter", () =>
    bundle.config.linux?.seccomp === undefined
      ? undefined
      : loadFilter().prepareFilter(runtime, bundle, facts.euid),
  );
  const inherited = inheritedDescriptors(runtime.launch, request.preserveFds);
  const plan = trace.step("plan", () =>
    makePlan(runtime, request, { bundle, facts, filter, inherited, cgroupPath: place.path }),
  );
  const cgroup = locateCgroup(facts.cgroups, place.path);
  const groups = chooseGroups(facts, bundle, request.id);

  // Nothing above touched the machine. Everything below says how to take itself back.
  const lock = new MakersLock(runtime, request.id);
  const undo = new UndoStack(() => lock.take());
  try {
    const decided = { bundle, facts, filter, plan, cgroup, groups, inherited };
    const prepared = { ...decided, cgroupPath: place.path, unit: place.unit, lock };
    const made = buildContainer(runtime, request, prepared, source, undo, trace);
    undo.commit();
    filter?.keep?.();
    return made;
  } catch (error) {
    const { explainDeath } = require("../cgroups/oom") as typeof import("../cgroups/oom");
    const cause = explainDeath(error, cgroupPaths(cgroup));
    const left = undo.rollBack();
    lock.release();
    if (isHookFailure(cause)) {
      const state = hookState(containerOf(request, bundle), 0, "stopped");
      loadHooks().runPoststopHooks(
        runtime,
        bundle.config.hooks?.poststop ?? [],
        bundle.dir,
        state,
        runtime.warn,
      );
    }
    throw left.length === 0 ? cause : withLeftovers(cause, left);
  } finally {
    lock.release();
  }
}

/** All that was decided before anything was made. */
export interface Prepared {
  readonly bundle: Bundle;
  readonly facts: HostFacts;
  readonly filter: Filter | undefined;
  readonly plan: ContainerPlan;
  readonly cgroup: Cgroup;
  readonly groups: ResctrlGroups | undefined;
  readonly inherited: InheritedDescriptors;
  /** From the top of each hierarchy. */
  readonly cgroupPath: string;
  readonly unit: PlannedUnit | undefined;
  readonly lock: MakersLock;
}

/** Loaded here: many containers ask for none of them. */
const loadFilter = () => require("./compile-filter") as typeof import("./compile-filter");
const loadHooks = () => require("../hooks/run-hooks") as typeof import("../hooks/run-hooks");
const loadResctrl = () => require("../resctrl/groups") as typeof import("../resctrl/groups");

function chooseGroups({ resctrl }: HostFacts, { config }: Bundle, id: string) {
  const intelRdt = config.linux?.intelRdt;
  return intelRdt === undefined ? undefined : loadResctrl().locateGroups(resctrl, intelRdt, id);
}

/** Loaded here: only `--systemd-cgroup` needs it. */
const loadSystemd = () => require("./systemd-unit") as typeof import("./systemd-unit");

type Place = CgroupPlace & { readonly unit?: PlannedUnit };

function choosePlace(
  runtime: RuntimeOptions,
  host: HostFacts,
  { config }: Bundle,
  id: string,
): Place {
  if (runtime.withoutCgroups) return placeNowhere(host);
  if (runtime.systemdCgroup) return loadSystemd().placeUnit(runtime, host, config, id);
  return placeCgroup(host, config.linux?.cgroupsPath, id, runtime.rootless);
}

function buildContainer(
  runtime: RuntimeOptions,
  request: CreateRequest,
  prepared: Prepared,
  source: InitSource,
  undo: UndoStack,
  trace: Trace,
): MadeContainer {
  const { stateRoot } = runtime;
  const { bundle, facts, plan } = prepared;
  assertStateRootIsOurs(stateRoot, facts.euid);
  // Before anything else is made, so that `delete --force` finds what a create that was killed left.
  let record = takeId(runtime, request, prepared, undo);
  if (source.isRestored) saveTemplate(stateRoot, request.id, templateOf(request, prepared));
  const { hostMount } = record.tsoci;
  if (hostMount !== undefined) {
    const { detachHostMount } = require("./host-mount") as typeof import("./host-mount");
    undo.push("mount", () => detachHostMount(runtime.addon, hostMount));
  }
  const { cgroup, unit: planned } = prepared;
  const unit =
    planned &&
    trace.step("start the unit", () =>
      loadSystemd().startUnit(runtime, { unit: planned, id: request.id }, undo),
    );
  const { created, limitProcesses } = trace.step("make the cgroup", () =>
    makeContainerCgroup(runtime, { cgroup, config: bundle.config, facts, unit }, undo),
  );
  const { groups } = prepared;
  const createdGroups = groups === undefined ? [] : loadResctrl().makeGroups(groups, undo);
  record = { ...record, tsoci: { ...record.tsoci, createdCgroups: created, createdGroups } };
  let masterFd = -1;
  const console = (fd: number) => {
    masterFd = takeConsole(runtime.addon, request, fd);
  };
  const init = source.bring(runtime, request, prepared, console, undo, trace);
  limitProcesses();
  if (groups !== undefined) loadResctrl().joinGroups(groups, init.pid);
  setLimits(runtime.addon, init.pid, source.isRestored ? [] : plan.driver.limits);
  sendPidfd(runtime, request, bundle.config.annotations, init);
  prepared.lock.take();
  record = trace.step("publish the record", () => publish(runtime, request, record, init, undo));
  init.release();
  return { record, bundle, pidfd: init.pidfd, masterFd };
}

/** A container's init, and what lets it go on without the driver. */
export type FirstProcess = Omit<LaunchedInit, "linkFd">;

/** Where a container gets its first process from, when all else of it is there. */
export interface InitSource {
  /** Whether it has its limits already. */
  readonly isRestored: boolean;
  readonly bring: (
    runtime: RuntimeOptions,
    request: CreateRequest,
    prepared: Prepared,
    console: (masterFd: number) => void,
    undo: UndoStack,
    trace: Trace,
  ) => FirstProcess;
}

/** Init carries out the plan, and waits for `start`. */
const launched: InitSource = {
  isRestored: false,
  bring(runtime, request, prepared, console, undo, trace) {
    const { stateRoot, addon } = runtime;
    const { bundle, facts, plan, cgroup, inherited } = prepared;
    if (managerOf(runtime.launch) !== undefined)
      makeDirectory(notifyDir(stateRoot, request.id), 0o755);
    const gateFd = addon.listenGate({ path: gatePath(stateRoot, request.id) });
    try {
      const container = containerOf(request, bundle);
      return launchInit(
        runtime,
        {
          plan,
          birthplace: birthplaceOf(cgroup),
          held: { gate: gateFd },
          preserveFds: inherited.count,
          ...streamsOf(request),
          container,
          ids: facts,
          takeConsole: console,
          meanwhile: () => saveTemplate(stateRoot, request.id, templateOf(request, prepared)),
        },
        undo,
        trace,
      );
    } finally {
      closeFile(gateFd);
    }
  },
};

const templateOf = ({ newKeyring }: CreateRequest, { bundle, filter }: Prepared) => ({
  config: bundle.config,
  newKeyring,
  ...(filter === undefined ? {} : { seccomp: filter }),
});

interface Plannable {
  readonly bundle: Bundle;
  readonly facts: HostFacts;
  readonly filter: Filter | undefined;
  readonly inherited: InheritedDescriptors;
  readonly cgroupPath: string;
}

function makePlan(
  runtime: RuntimeOptions,
  request: CreateRequest,
  { bundle, facts, filter, inherited, cgroupPath }: Plannable,
): ContainerPlan {
  return planContainer(bundle.config, facts, {
    id: request.id,
    bundleDir: bundle.dir,
    rootfsPath: bundle.rootfsPath,
    pivot: request.pivot,
    newKeyring: request.newKeyring,
    preserveFds: inherited.count,
    cgroupPath,
    ...notifyOptions(runtime, request.id, inherited.environment),
    hookEnv: () => loadHooks().environmentList(runtime.launch),
    ...(filter === undefined ? {} : { seccomp: filter }),
  });
}

/** The program hears of a service manager only when the runtime does: create makes room for a socket, start makes it. */
function notifyOptions(
  { launch, stateRoot }: RuntimeOptions,
  id: string,
  environment: readonly string[],
) {
  if (managerOf(launch) === undefined) return { extraEnv: environment };
  return {
    extraEnv: [...environment, `NOTIFY_SOCKET=${notifyMountPoint}/${notifyFile}`],
    notifyDir: notifyDir(stateRoot, id),
  };
}

export const containerOf = (request: CreateRequest, { dir, config }: Bundle) => ({
  id: request.id,
  bundle: dir,
  annotations: config.annotations,
});

/** After a failed hook the container's life goes on at its end: runtime.md#lifecycle, steps 3 to 5. */
function isHookFailure(error: unknown): boolean {
  if (!(error instanceof RuntimeError)) return false;
  return error.code === "HOOK_FAILED" || isHookFailure(error.cause);
}

function withLeftovers(cause: unknown, left: readonly string[]): RuntimeError {
  const code = cause instanceof RuntimeError ? cause.code : "HOST_FAILED";
  const text = cause instanceof Error ? cause.message : String(cause);
  return new RuntimeError(code, `${text} (left behind: ${left.join("; ")})`, {
    cause: cause instanceof Error ? cause.cause : undefined,
  });
}
