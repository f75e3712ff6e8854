import { criuConfigFile } from "../checkpoint/config-file";
import { Criu, firstExtraFd, type Notified } from "../checkpoint/criu";
import { isHandedOver, logPath, restoreOptions } from "../checkpoint/criu-options";
import { openDirectories, readStreams } from "../checkpoint/images";
import { withLog } from "../checkpoint/log";
import { assertRestorableStreams } from "../checkpoint/streams";
import { RuntimeError } from "../errors/runtime-error";
import type { CgroupRoot } from "../generated/criu-rpc";
import { closeFile, makeDirectory, readText, removeDirectory, writeExisting } from "../host/files";
import { endChild } from "../host/pidfds";
import { runHostHooks } from "../launch/answers";
import { launchInit } from "../launch/launch";
import { type ExternalMount, externalMounts } from "../plan/external-mounts";
import { planMountPoints } from "../plan/mount-points";
import { notifyMountPoint } from "../plan/mounts";
import { chooseNamespaces, type NamespaceChoice } from "../plan/namespace-choice";
import { namespaceKinds } from "../spec/kernel-constants";
import { joinPath } from "../spec/paths";
import { containerDir, notifyDir } from "../state/store";
import { Trace } from "../trace/trace";
import { assertRoot, noMountNamespace } from "./checkpoint";
import { streamsOf } from "./common-init";
import {
  containerOf,
  type FirstProcess,
  type InitSource,
  type MadeContainer,
  makeContainer,
  type Prepared,
} from "./make-container";
import type { CreateRequest, RestoreRequest, RuntimeOptions } from "./requests";
import { attend } from "./run";
import { UndoStack } from "./undo-stack";

/**
 * `restore`: a container as `create` makes it, whose processes CRIU takes from the images. In the foreground it
 * stays until the program ends, and has its exit status.
 */
export function restoreContainer(runtime: RuntimeOptions, request: RestoreRequest): number {
  const { addon } = runtime;
  if (!request.detach && request.subreaper) addon.becomeSubreaper();
  const made = makeRestored(runtime, request);
  try {
    return request.detach ? 0 : attend(runtime, made, { keep: false });
  } finally {
    closeFile(made.pidfd);
    if (made.masterFd >= 0) closeFile(made.masterFd);
  }
}

/** The same, until its program runs. */
export function makeRestored(runtime: RuntimeOptions, request: RestoreRequest): MadeContainer {
  assertRoot();
  const streams = readStreams(request.imageDir);
  const source: InitSource = {
    isRestored: true,
    bring: (_runtime, _request, prepared, takeConsole, undo, trace) =>
      restoreInit(runtime, request, { prepared, streams, takeConsole }, undo, trace),
  };
  const attached = !request.detach;
  return makeContainer(runtime, request, { attached }, new Trace(runtime.addon, undefined), source);
}

interface Parts {
  readonly prepared: Prepared;
  readonly streams: readonly string[];
  readonly takeConsole: (masterFd: number) => void;
}

function restoreInit(
  runtime: RuntimeOptions,
  request: RestoreRequest,
  parts: Parts,
  undo: UndoStack,
  trace: Trace,
): FirstProcess {
  const { stateRoot } = runtime;
  const { prepared } = parts;
  const namespaces = chooseNamespaces(prepared.bundle.config);
  assertRestorable(prepared, namespaces);
  const { streams: own = [0, 1, 2] } = streamsOf(request);
  assertRestorableStreams(parts.streams, own);
  makeDirectory(notifyDir(stateRoot, request.id), 0o755);
  trace.step("make mount points", () => makeMountPoints(runtime, request, prepared, trace));
  // CRIU wants the rootfs to be a mount: it gets one that nobody else sees.
  const root = `${containerDir(stateRoot, request.id)}/rootfs`;
  makeDirectory(root, 0o700);
  const fds = openHandedOver(runtime, namespaces);
  const bind = { source: prepared.bundle.rootfsPath, target: root };
  try {
    const init = trace.step("restore", () =>
      withLog(logPath(request, "restore"), () =>
        Criu.use(runtime, { streams: own, fds, bind }, (criu) =>
          ask(runtime, criu, { ...parts, request, root, namespaces }, undo),
        ),
      ),
    );
    removeDirectory(root);
    return { ...init, release: () => {} };
  } finally {
    for (const fd of fds) closeFile(fd);
  }
}

interface Asked extends Parts {
  readonly request: RestoreRequest;
  readonly root: string;
  readonly namespaces: NamespaceChoice;
}

function ask(runtime: RuntimeOptions, criu: Criu, asked: Asked, undo: UndoStack) {
  const { request, prepared, root, namespaces, streams } = asked;
  const container = {
    root,
    mounts: sourcesOf(runtime, request, prepared),
    joinedNamespaces: namespaces.joined,
    streams,
    configFile: criuConfigFile(prepared.bundle.config.annotations ?? {}),
  };
  const directories = openDirectories(request, criu.pid);
  try {
    const options = restoreOptions(request, container, directories, firstExtraFd);
    // What it restores is born where it is.
    const cgRoot = joinCgroup(criu.pid, prepared);
    const restored = new Restored(runtime, asked, undo);
    criu.ask({ type: "RESTORE", opts: { ...options, cgRoot } }, (notified) =>
      restored.take(notified),
    );
    if (restored.init === undefined)
      throw new RuntimeError("CRIU_FAILED", "criu named no restored process");
    return restored.init;
  } finally {
    directories.close();
  }
}

/** What CRIU hands over on its way. */
class Restored {
  /** Our child, as CRIU makes it a sibling of its own. */
  init: { readonly pid: number; readonly pidfd: number } | undefined;

  constructor(
    private readonly runtime: RuntimeOptions,
    private readonly asked: Asked,
    private readonly undo: UndoStack,
  ) {}

  take({ script, pid, fd }: Notified): void {
    const { prepared, request, takeConsole } = this.asked;
    const { hostHooks } = prepared.plan.driver;
    switch (script) {
      case "setup-namespaces":
        runHostHooks(this.runtime, hostHooks, containerOf(request, prepared.bundle), pid);
        break;
      case "orphan-pts-master":
        if (fd === undefined) throw new RuntimeError("CRIU_FAILED", "criu handed over no terminal");
        takeConsole(fd);
        break;
      case "post-restore":
        this.init = noteInit(this.runtime, pid, this.undo);
        // From here on the program may run, and nobody attends to it yet.
        if (!request.detach) this.runtime.addon.holdSignals();
        break;
    }
  }
}

/** What CRIU would leave out in silence, or refuse in words that name nothing. */
function assertRestorable({ plan }: Prepared, { joined }: NamespaceChoice): void {
  if (plan.driver.sharesMountNamespace) throw noMountNamespace();
  const named = joined.find(({ type }) => type === "cgroup" || type === "mount");
  if (named !== undefined) {
    throw new RuntimeError(
      "CONFIG_UNSUPPORTED",
      `/linux/namespaces/${named.index}: CRIU restores into no ${named.type} namespace that is there`,
    );
  }
  const mapped = plan.steps.find(
    ({ step, property }) =>
      (step.op === "bindMount" && step.idmapFd >= 0) ||
      plan.driver.mountSources[property]?.idmap !== undefined,
  );
  if (mapped !== undefined) {
    throw new RuntimeError(
      "CONFIG_UNSUPPORTED",
      `${mapped.property}: CRIU restores no id-mapped mount`,
    );
  }
}

/** Makes what is missing in the rootfs and in the sources of bind mounts; init looks it up, as for `create`. */
function makeMountPoints(
  runtime: RuntimeOptions,
  request: CreateRequest,
  { bundle, facts, cgroupPath }: Prepared,
  trace: Trace,
): void {
  const plan = planMountPoints(bundle.config, facts, {
    id: request.id,
    bundleDir: bundle.dir,
    rootfsPath: bundle.rootfsPath,
    pivot: true,
    newKeyring: false,
    preserveFds: 0,
    cgroupPath,
    extraEnv: [],
    hookEnv: () => [],
  });
  const undo = new UndoStack();
  try {
    launchInit(
      runtime,
      {
        plan,
        birthplace: undefined,
        held: {},
        preserveFds: 0,
        container: containerOf(request, bundle),
        ids: facts,
        takeConsole: closeFile,
      },
      undo,
      trace,
    );
  } finally {
    // The mounts end with it.
    undo.rollBack();
  }
}

/** A program that was restored may know a notify socket that this caller does not ask for. */
function sourcesOf(
  { stateRoot }: RuntimeOptions,
  { id }: CreateRequest,
  { plan }: Prepared,
): ExternalMount[] {
  const planned = externalMounts(plan.steps);
  if (planned.some(({ target }) => target === notifyMountPoint)) return planned;
  return [...planned, { target: notifyMountPoint, source: notifyDir(stateRoot, id) }];
}

function openHandedOver({ addon }: RuntimeOptions, { joined }: NamespaceChoice): number[] {
  const fds: number[] = [];
  try {
    for (const { type, path } of joined) {
      if (isHandedOver(type))
        fds.push(addon.openNamespace({ path, nsType: namespaceKinds[type].flag }));
    }
    return fds;
  } catch (error) {
    for (const fd of fds) closeFile(fd);
    throw error;
  }
}

/** Moves CRIU into the container's cgroup. Answers where it is in each hierarchy: cgroups(7), /proc/[pid]/cgroup. */
function joinCgroup(pid: number, { cgroup }: Prepared): CgroupRoot[] {
  for (const { path } of cgroup.directories)
    writeExisting(joinPath(path, "cgroup.procs"), String(pid));
  return readText(`/proc/${pid}/cgroup`)
    .split("\n")
    .flatMap((line) => {
      const [, controllers, ...path] = line.split(":");
      if (controllers === undefined || path.length === 0) return [];
      return controllers.split(",").map((ctrl) => ({ ctrl, path: path.join(":") }));
    });
}

function noteInit({ addon }: RuntimeOptions, pid: number, undo: UndoStack) {
  const pidfd = addon.openPidfd({ pid });
  undo.push(`init, process ${pid}`, () => endChild(addon, pidfd));
  return { pid, pidfd };
}
