import { RuntimeError } from "../errors/runtime-error";
import type { Status } from "../state/status";

export type Operation =
  | "start"
  | "kill"
  | "delete"
  | "pause"
  | "resume"
  | "update"
  | "events"
  | "mounts"
  | "checkpoint";

/** runtime.md#operations, and what runc has besides, as data: in which states each may be asked for. */
const allowedIn: Readonly<Record<Operation, readonly Status[]>> = {
  start: ["created"],
  kill: ["created", "running", "paused"],
  // The specification allows only "stopped". runc, crun and youki delete a created container too, and
  // callers count on it: docs/conformance.md.
  delete: ["stopped", "created"],
  pause: ["created", "running"],
  resume: ["paused"],
  update: ["created", "running", "paused"],
  events: ["created", "running", "paused"],
  mounts: ["created", "running", "paused"],
  checkpoint: ["running", "paused"],
};

/** In runc's words: they are what callers tell the cases apart by. */
const refusals: Readonly<Record<Operation, (id: string, status: Status) => string>> = {
  start: (_, status) =>
    status === "stopped"
      ? "cannot start a container that has stopped"
      : status === "creating"
        ? "cannot start a container that is still being created"
        : status === "paused"
          ? "cannot start a container in the paused state"
          : `cannot start an already ${status} container`,
  kill: () => "container not running",
  delete: (id, status) => `cannot delete container ${id} that is not stopped: ${status}`,
  pause: () => "container not running",
  resume: () => "container not paused",
  update: () => "container not running",
  mounts: () => "container not running",
  events: (id) => `container with id ${id} is not running`,
  checkpoint: (_, status) => `cannot checkpoint a container that is ${status}`,
};

/** A process can be added to whatever has an init: to a created container too, as with runc. */
export function assertMayExec(
  status: Status,
  { ignorePaused }: { readonly ignorePaused: boolean },
): void {
  if (status === "created" || status === "running" || (status === "paused" && ignorePaused)) return;
  const problem = {
    paused: "cannot exec in a paused container (use --ignore-paused to override)",
    stopped: "cannot exec in a stopped container",
    creating: "cannot exec in a container that is still being created",
  }[status];
  throw new RuntimeError("CONTAINER_WRONG_STATUS", problem);
}

/** What an operation fails with that is not allowed in this status. */
export const wrongStatus = (operation: Operation, id: string, status: Status): RuntimeError =>
  new RuntimeError("CONTAINER_WRONG_STATUS", refusals[operation](id, status));

/** Throws CONTAINER_WRONG_STATUS. */
export function assertAllowed(operation: Operation, id: string, status: Status): void {
  if (!allowedIn[operation].includes(status)) throw wrongStatus(operation, id, status);
}
