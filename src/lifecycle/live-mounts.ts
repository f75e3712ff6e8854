import { RuntimeError } from "../errors/runtime-error";
import type { Config, Mount } from "../generated/config";
import { closeFile } from "../host/files";
import { reapChild } from "../host/pidfds";
import { readHostFacts } from "../host/read-facts";
import { launchInit } from "../launch/launch";
import { planMountsAdd, planMountsRemove } from "../plan/live-mounts";
import { chooseNamespaces, hasNamespace } from "../plan/namespace-choice";
import { namespaceKinds } from "../spec/kernel-constants";
import { findNotAddable } from "../spec/parse-mounts";
import { openInit } from "../state/open-init";
import type { ContainerRecord } from "../state/record";
import { readStatus } from "../state/status";
import { loadRecord } from "../state/store";
import { loadTemplate } from "../state/template";
import { Trace } from "../trace/trace";
import { assertAllowed, wrongStatus } from "./allowed";
import type { RuntimeOptions } from "./requests";
import { UndoStack } from "./undo-stack";

/**
 * Mounts into a container that lives, all or none of them, or takes mounts away. Takes no lock: the container
 * is joined by a descriptor of its init, as by `exec`. The mounts go with the container.
 */
export function changeMounts(
  runtime: RuntimeOptions,
  id: string,
  action: "add" | "remove",
  mounts: readonly Mount[],
): void {
  const { addon, stateRoot } = runtime;
  const record = loadRecord(stateRoot, id);
  assertAllowed("mounts", id, readStatus(stateRoot, record));
  const { config } = loadTemplate(stateRoot, id);
  if (action === "add") assertAddable(config, mounts);
  const containerFd = openInit(addon, record);
  if (containerFd === undefined) throw wrongStatus("mounts", id, "stopped");
  try {
    join(runtime, record, config, containerFd, action, mounts);
  } finally {
    closeFile(containerFd);
  }
}

function assertAddable(config: Config, mounts: readonly Mount[]): void {
  const mapsIds = hasNamespace(chooseNamespaces(config), "user");
  const refused = findNotAddable(mounts, { mapsIds });
  if (refused !== undefined)
    throw new RuntimeError("CONFIG_UNSUPPORTED", `${refused.pointer} ${refused.problem}`);
}

function join(
  runtime: RuntimeOptions,
  record: ContainerRecord,
  config: Config,
  containerFd: number,
  action: "add" | "remove",
  mounts: readonly Mount[],
): void {
  const { addon } = runtime;
  const { id, init_process_pid: initPid, tsoci } = record;
  const namespaces = addon.differingNamespaces({ pid: initPid });
  const owns = hasNamespace(chooseNamespaces(config), "mount");
  if (!owns || (namespaces & namespaceKinds.mount.flag) === 0) {
    throw new RuntimeError(
      "CONFIG_UNSUPPORTED",
      "the container has no mount namespace of its own, and what is mounted there is the host's",
    );
  }
  const facts = readHostFacts();
  const makePlan = action === "add" ? planMountsAdd : planMountsRemove;
  const plan = makePlan(
    // Annotations may say how mounts are labelled.
    { ...config, ...(tsoci.annotations === undefined ? {} : { annotations: tsoci.annotations }) },
    facts,
    mounts,
    { bundleDir: tsoci.bundle, rootfsPath: record.config.rootfs, namespaces },
  );
  const undo = new UndoStack();
  try {
    const helper = launchInit(
      runtime,
      {
        plan,
        birthplace: undefined,
        held: { container: containerFd, root: -1 },
        preserveFds: 0,
        container: { id, bundle: tsoci.bundle, annotations: tsoci.annotations },
        ids: facts,
        takeConsole: closeFile,
      },
      undo,
      new Trace(addon, undefined),
    );
    helper.release();
    undo.commit();
    reapChild(addon, helper.pidfd);
  } catch (error) {
    undo.rollBack();
    throw error;
  }
}
