import type { Addon } from "../addon/bindings";
import { listDeviceRules } from "../cgroups/device-rules";
import { type CgroupPlace, isReachable } from "../cgroups/place";
import { propertiesOfAnnotations } from "../cgroups/systemd/annotations";
import { allowedDevices, parseDeviceDrivers } from "../cgroups/systemd/devices";
import { Manager, ManagerConnection, type ManagerKind } from "../cgroups/systemd/manager";
import {
  descriptionOf,
  type Property,
  propertiesOfDevices,
  propertiesOfResources,
  propertiesOfTasks,
  propertiesOfUnit,
} from "../cgroups/systemd/properties";
import { pathOfUnit, type Unit, unitOf } from "../cgroups/systemd/unit";
import { describeError } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import type { Config, Resources } from "../generated/config";
import { readText } from "../host/files";
import { endChild } from "../host/pidfds";
import type { HostFacts } from "../plan/host-facts";
import type { ContainerRecord } from "../state/record";
import type { RuntimeOptions } from "./requests";
import type { UndoStack } from "./undo-stack";

/** The unit that a container will be in, before anything of it is made. */
export interface PlannedUnit extends Unit {
  readonly manager: ManagerKind;
  /** For all of the operation. Whoever has the unit planned closes it. */
  readonly connection: ManagerConnection;
  /** From the top of each hierarchy. */
  readonly path: string;
  /** What the config asks for besides the limit of processes. */
  readonly properties: readonly Property[];
  readonly tasks: readonly Property[];
  readonly isUnified: boolean;
}

/** A unit that is there, with a cgroup in the hierarchies that systemd manages. */
export interface StartedUnit {
  /** The process that keeps its place; undefined when the unit needs none. */
  readonly placeholderPid: number | undefined;
  /** For when init is in it: ends the placeholder, and has systemd limit the number of processes, if that is asked. */
  finish(): { readonly wroteLimits: boolean };
}

/** Chooses the unit, and asks systemd where it will be. Nothing is changed. */
export function placeUnit(
  { addon, launch, rootless }: RuntimeOptions,
  host: HostFacts,
  config: Config,
  id: string,
): CgroupPlace & { readonly unit: PlannedUnit } {
  const isUser = rootless !== false && isUsers(host, launch.variable("USER"));
  const isUnified = host.cgroups.mode === "unified";
  const unit = unitOf(config.linux?.cgroupsPath, id, {
    defaultSlice: isUser && isUnified ? "user.slice" : "system.slice",
  });
  const resources = config.linux?.resources ?? {};
  const asked = propertiesOfAnnotations(config.annotations ?? {});
  const manager = isUser ? "user" : "system";
  const connection = new ManagerConnection(addon, launch, manager);
  try {
    const { top, version } = connection.use((systemd) => ({
      top: systemd.readTop(),
      version: systemd.readVersion(),
    }));
    const path = `${top}${pathOfUnit(unit)}`;
    const facts = { version, isUnified };
    const properties = [
      ...propertiesOfResources(resources, facts),
      ...(isUser ? [] : deviceProperties(resources)),
      ...asked,
    ];
    return {
      path,
      layout: isUser ? reachableLayout(host, path) : host.cgroups,
      unit: {
        ...unit,
        manager,
        connection,
        path,
        properties,
        tasks: propertiesOfTasks(resources),
        isUnified,
      },
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Root of a user namespace may be root of a machine in it, with a systemd of its own: there it is called so. */
const isUsers = ({ euid, inUserNamespace }: HostFacts, userName: string | undefined) =>
  euid !== 0 || (inUserNamespace && userName !== "root");

export function deviceProperties({ devices }: Resources): readonly Property[] {
  const drivers = parseDeviceDrivers(readText("/proc/devices"));
  return propertiesOfDevices(allowedDevices(listDeviceRules(devices ?? []), drivers));
}

/** On cgroup v1 a user's manager has no more than its own hierarchy. */
function reachableLayout({ cgroups }: HostFacts, path: string): HostFacts["cgroups"] {
  const hierarchies = cgroups.hierarchies.filter((hierarchy) => isReachable(hierarchy, path));
  if (cgroups.mode === "unified" && hierarchies.length === 0) {
    throw new RuntimeError(
      "CGROUP_FAILED",
      `no process of ours may come to "${path}": the caller has to be in a unit of the same user's systemd, as "systemd-run --user --scope" puts it there`,
    );
  }
  return { ...cgroups, hierarchies };
}

/** Starts the unit. systemd makes no scope without a process, and init comes later: until then another is there. */
export function startUnit(
  { addon }: RuntimeOptions,
  { unit, id }: { readonly unit: PlannedUnit; readonly id: string },
  undo: UndoStack,
): StartedUnit {
  const { name, path, tasks, connection } = unit;
  const isScope = name.endsWith(".scope");
  const placeholder = isScope ? startPlaceholder(addon, undo) : undefined;
  connection.use((systemd) => {
    const { isUnified } = unit;
    const own = propertiesOfUnit(unit, id, { isUnified, placeholderPid: placeholder?.pid });
    systemd.startTransient(name, [...own, ...unit.properties]);
    undo.push(`unit "${name}"`, () => connection.use((again) => again.stop(name)));
    const found = systemd.readControlGroup(name);
    if (found === path) return;
    throw new RuntimeError(
      "CGROUP_FAILED",
      `systemd put the unit "${name}" into "${found}", expected "${path}"`,
    );
  });
  return {
    placeholderPid: placeholder?.pid,
    finish: () => {
      placeholder?.end();
      const wroteLimits = tasks.length > 0;
      if (wroteLimits) connection.use((systemd) => systemd.setProperties(name, tasks));
      return { wroteLimits };
    },
  };
}

function startPlaceholder(addon: Addon, undo: UndoStack) {
  const { pid, pidfd } = addon.startPlaceholder();
  let isThere = true;
  const end = () => {
    if (!isThere) return;
    isThere = false;
    endChild(addon, pidfd);
  };
  undo.push(`placeholder, process ${pid}`, end);
  return { pid, end };
}

/**
 * Stops the unit of a container that has no process any more. That is said to be sure: systemd forgets an empty
 * scope by itself, and a user's may have ended with all units, so that a failure is no more than a warning.
 */
export function stopUnit({ addon, launch, warn }: RuntimeOptions, record: ContainerRecord): void {
  const { unit } = record.tsoci;
  if (unit === undefined) return;
  try {
    Manager.use(addon, launch, unit.manager, (connection) => {
      // A create that was killed may not have come to make it, as the name was another's.
      const isOurs =
        record.init_process_pid !== 0 ||
        connection.readDescription(unit.name) === descriptionOf(record.id);
      if (isOurs) connection.stop(unit.name);
    });
  } catch (error) {
    warn(describeError(error));
  }
}
