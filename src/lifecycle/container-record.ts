import { cgroupPaths, missingDirectories } from "../cgroups/cgroup";
import type { Config } from "../generated/config";
import { readLink } from "../host/files";
import { countMountsAt } from "../host/mounts";
import { readBootId, readProcessStatus } from "../host/proc";
import { describeStep } from "../plan/describe-step";
import { mountPoints } from "../plan/external-mounts";
import { chooseNamespaces } from "../plan/namespace-choice";
import { askedOfCrun } from "../spec/crun-annotations";
import { namespaceKinds } from "../spec/kernel-constants";
import type { ContainerRecord } from "../state/record";
import { saveRecord } from "../state/store";
import { streamsOf } from "./common-init";
import type { FirstProcess, Prepared } from "./make-container";
import type { CreateRequest, RuntimeOptions } from "./requests";
import type { UndoStack } from "./undo-stack";

/** Loaded here: few containers ask for it. */
const loadResctrl = () => require("../resctrl/groups") as typeof import("../resctrl/groups");

/** What is stored before anything is made, and while it is. */
export function firstRecord(
  request: CreateRequest,
  { bundle, facts, plan, cgroup, groups, unit }: Prepared,
): ContainerRecord {
  const { config } = bundle;
  const { seccompListener } = plan.driver;
  const namespaces = chooseNamespaces(config);
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
    external_descriptors: standardStreams(config, request),
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
      ownPidNamespace: namespaces.created.has("pid"),
      joinedNamespaces: namespaces.joined.map(({ type }) => type),
      ...mountPoints(plan.steps),
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

/**
 * What the program has as its standard streams, as runc stores it: CRIU knows pipes to the outside by it. A
 * terminal is the container's own.
 */
function standardStreams({ process: program }: Config, request: CreateRequest): string[] {
  if (program?.terminal === true) return [];
  const { streams = [0, 1, 2] } = streamsOf(request);
  return streams.map((fd) => readLink(`/proc/self/fd/${fd}`));
}

/** Makes the container known: the record first, then whoever waits for the pid file. */
export function publish(
  { stateRoot }: RuntimeOptions,
  { pidFile }: CreateRequest,
  record: ContainerRecord,
  init: FirstProcess,
  undo: UndoStack,
): ContainerRecord {
  const { creator: _, ...own } = record.tsoci;
  const published: ContainerRecord = {
    ...record,
    init_process_pid: init.pid,
    init_process_start: readProcessStatus(init.pid)?.startTimeTicks ?? 0,
    namespace_paths: namespacePaths(init.pid),
    tsoci: own,
  };
  saveRecord(stateRoot, published);
  if (pidFile !== undefined) {
    const { writePidFile } = require("./pid-file") as typeof import("./pid-file");
    writePidFile(pidFile, init.pid, undo);
  }
  return published;
}

/** To whoever asked for it. Who that is may let us wait, so it is told while nobody waits for us. */
export function sendPidfd(
  { addon }: RuntimeOptions,
  request: CreateRequest,
  annotations: Config["annotations"],
  { pidfd }: FirstProcess,
): void {
  const path = request.pidfdSocket ?? askedOfCrun(annotations, "pidfdReceiver");
  if (path !== undefined) addon.sendPidfd({ path, pidfd, text: "standard" });
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
