import { type Bundle, openBundle } from "../bundle/bundle";
import {
  birthplaceOf,
  type Cgroup,
  cgroupPaths,
  locateCgroup,
  missingDirectories,
} from "../cgroups/cgroup";
import { type CgroupPlace, placeCgroup, placeNowhere } from "../cgroups/place";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile, makeDirectory } from "../host/files";
import { countMountsAt } from "../host/mounts";
import { readBootId, readProcessStatus } from "../host/proc";
import { readHostFacts } from "../host/read-facts";
import { type LaunchedInit, launchInit } from "../launch/launch";
import { describeStep } from "../plan/describe-step";
import type { HostFacts } from "../plan/host-facts";
import { notifyMountPoint } from "../plan/mounts";
import { chooseNamespaces } from "../plan/namespace-choice";
import { type ContainerPlan, planContainer } from "../plan/plan";
import type { ResctrlGroups } from "../resctrl/groups";
import { askedOfCrun } from "../spec/crun-annotations";
import { namespaceKinds } from "../spec/kernel-constants";
import { hookState } from "../state/oci-state";
import type { ContainerRecord } from "../state/record";
import {
  assertStateRootIsOurs,
  gatePath,
  notifyDir,
  notifyFile,
  removeContainerDir,
  reserveId,
  saveRecord,
} from "../state/store";
import { saveTemplate } from "../state/template";
import type { Trace } from "../trace/trace";
import { assertAvailable } from "./applicable";
import { setLimits, takeConsole } from "./common-init";
import { type Filter, prepareFilter } from "./compile-filter";
import { assertConsoleFits } from "./console-fits";
import { makeContainerCgroup } from "./container-cgroup";
import { detachHostMount } from "./destroy";
import { type InheritedDescriptors, inheritedDescriptors } from "./inherited-descriptors";
import { managerOf } from "./notify";
import { writePidFile } from "./pid-file";
import type { CreateRequest, RuntimeOptions } from "./requests";
import type { PlannedUnit } from "./systemd-unit";
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
    return makePlaced(runtime, request, { bundle, host, place }, trace);
  } finally {
    place.unit?.connection.close();
  }
}

interface Placed {
  readonly bundle: Bundle;
  readonly host: HostFacts;
  readonly place: Place;
}

function makePlaced(
  runtime: RuntimeOptions,
  request: CreateRequest,
  { bundle, host, place }: Placed,
  trace: Trace,
): MadeContainer {
  if (place.warning !== undefined) runtime.warn(place.warning);
  const facts = { ...host, cgroups: place.layout };
  const filter = trace.step("get the seccomp filter", () =>
    prepareFilter(runtime, bundle, facts.euid),
  );
  const inherited = inheritedDescriptors(runtime.launch, request.preserveFds);
  const plan = trace.step("plan", () =>
    makePlan(runtime, request, { bundle, facts, filter, inherited, cgroupPath: place.path }),
  );
  const cgroup = locateCgroup(facts.cgroups, place.path);
  const groups = chooseGroups(facts, bundle, request.id);

  // Nothing above touched the machine. Everything below says how to take itself back.
  const undo = new UndoStack();
  try {
    const prepared = { bundle, facts, filter, plan, cgroup, groups, inherited, unit: place.unit };
    const made = buildContainer(runtime, request, prepared, undo, trace);
    undo.commit();
    filter?.keep?.();
    return made;
  } catch (error) {
    const { explainDeath } = require("../cgroups/oom") as typeof import("../cgroups/oom");
    const cause = explainDeath(error, cgroupPaths(cgroup));
    const left = undo.rollBack();
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
  }
}

interface Prepared {
  readonly bundle: Bundle;
  readonly facts: HostFacts;
  readonly filter: Filter | undefined;
  readonly plan: ContainerPlan;
  readonly cgroup: Cgroup;
  readonly groups: ResctrlGroups | undefined;
  readonly inherited: InheritedDescriptors;
  readonly unit: PlannedUnit | undefined;
}

/** Loaded here: few containers ask for either. */
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
  undo: UndoStack,
  trace: Trace,
): MadeContainer {
  const { stateRoot } = runtime;
  const { bundle, facts, plan } = prepared;
  assertStateRootIsOurs(stateRoot, facts.euid);
  reserveId(stateRoot, request.id);
  undo.push("state directory", () => removeContainerDir(stateRoot, request.id));
  let record = firstRecord(request, prepared);
  // Before anything else is made, so that `delete --force` finds what a create that was killed left.
  saveRecord(stateRoot, record);
  saveTemplate(stateRoot, request.id, templateOf(request, prepared));
  const { hostMount } = record.tsoci;
  if (hostMount !== undefined) undo.push("mount", () => detachHostMount(runtime.addon, hostMount));
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
  if (managerOf(runtime.launch) !== undefined)
    makeDirectory(notifyDir(stateRoot, request.id), 0o755);
  const gateFd = runtime.addon.listenGate({ path: gatePath(stateRoot, request.id) });
  let masterFd = -1;
  let init: LaunchedInit;
  try {
    init = launchInit(
      runtime,
      {
        plan,
        birthplace: birthplaceOf(cgroup),
        held: { gate: gateFd },
        preserveFds: prepared.inherited.count,
        container: containerOf(request, bundle),
        ids: facts,
        takeConsole: (fd) => {
          masterFd = takeConsole(runtime.addon, request.consoleSocket, fd);
        },
      },
      undo,
      trace,
    );
  } finally {
    closeFile(gateFd);
  }
  limitProcesses();
  if (groups !== undefined) loadResctrl().joinGroups(groups, init.pid);
  record = trace.step("publish the record", () =>
    publish(runtime, request, record, plan, init, undo),
  );
  init.release();
  return { record, bundle, pidfd: init.pidfd, masterFd };
}

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

const containerOf = (request: CreateRequest, { dir, config }: Bundle) => ({
  id: request.id,
  bundle: dir,
  annotations: config.annotations,
});

function firstRecord(
  request: CreateRequest,
  { bundle, facts, plan, cgroup, groups, unit }: Prepared,
): ContainerRecord {
  const { config } = bundle;
  const { seccompListener } = plan.driver;
  // Its slice in a trace, and those of all steps after it, come to whoever opens the gate.
  const ready = plan.steps.findIndex(({ step }) => step.op === "reportReady");
  const startTimeTicks = readProcessStatus(process.pid)?.startTimeTicks ?? 0;
  return {
    id: request.id,
    init_process_pid: 0,
    init_process_start: 0,
    created: new Date().toISOString(),
    rootless: facts.euid !== 0,
    cgroup_paths: cgroupPaths(cgroup),
    namespace_paths: {},
    external_descriptors: [],
    ...(groups === undefined ? {} : { intel_rdt_path: groups.classDir }),
    config: {
      rootfs: bundle.rootfsPath,
      labels: [
        `bundle=${bundle.dir}`,
        ...Object.entries(config.annotations ?? {}).map(([key, value]) => `${key}=${value}`),
      ],
    },
    tsoci: {
      bundle: bundle.dir,
      ociVersion: config.ociVersion,
      ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
      bootId: readBootId(),
      creator: { pid: process.pid, startTimeTicks },
      createdCgroups: missingDirectories(cgroup, unit),
      ...(unit === undefined ? {} : { unit: { name: unit.name, manager: unit.manager } }),
      createdGroups: groups === undefined ? [] : loadResctrl().missingGroups(groups),
      ownPidNamespace: chooseNamespaces(config).created.has("pid"),
      ...(plan.driver.sharesMountNamespace
        ? { hostMount: { path: bundle.rootfsPath, countBefore: countMountsAt(bundle.rootfsPath) } }
        : {}),
      hasProcess: config.process !== undefined,
      ...(seccompListener === undefined ? {} : { seccompListener }),
      hooks: { poststart: config.hooks?.poststart ?? [], poststop: config.hooks?.poststop ?? [] },
      afterStart: {
        first: ready,
        steps: plan.steps
          .slice(ready)
          .map(({ step }) => ({ op: step.op, label: describeStep(step) })),
      },
    },
  };
}

/** Makes the container known: limits first, then the record, then whoever waits for the pid. */
function publish(
  runtime: RuntimeOptions,
  request: CreateRequest,
  record: ContainerRecord,
  plan: ContainerPlan,
  init: LaunchedInit,
  undo: UndoStack,
): ContainerRecord {
  const { addon } = runtime;
  setLimits(addon, init.pid, plan.driver.limits);
  const { creator: _, ...own } = record.tsoci;
  const published: ContainerRecord = {
    ...record,
    init_process_pid: init.pid,
    init_process_start: readProcessStatus(init.pid)?.startTimeTicks ?? 0,
    namespace_paths: namespacePaths(init.pid),
    tsoci: own,
  };
  saveRecord(runtime.stateRoot, published);
  const pidfdSocket = request.pidfdSocket ?? askedOfCrun(record.tsoci.annotations, "pidfdReceiver");
  if (pidfdSocket !== undefined) {
    addon.sendPidfd({ path: pidfdSocket, pidfd: init.pidfd, text: "standard" });
  }
  if (request.pidFile !== undefined) writePidFile(request.pidFile, init.pid, undo);
  return published;
}

const fileOfFlag: Readonly<Record<keyof typeof namespaceKinds, string>> = {
  mount: "NEWNS",
  pid: "NEWPID",
  network: "NEWNET",
  ipc: "NEWIPC",
  uts: "NEWUTS",
  user: "NEWUSER",
  cgroup: "NEWCGROUP",
  time: "NEWTIME",
};

function namespacePaths(pid: number): Record<string, string> {
  const types = Object.keys(fileOfFlag) as (keyof typeof namespaceKinds)[];
  return Object.fromEntries(
    types.map((type) => [fileOfFlag[type], `/proc/${pid}/ns/${namespaceKinds[type].file}`]),
  );
}

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
