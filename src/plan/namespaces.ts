import { requests } from "../generated/plan";
import { namespaceKinds } from "../spec/kernel-constants";
import type { PlanContext, PlannedStep } from "./context";
import { labelKeyring } from "./labels";
import { hasNamespace, type NamespaceChoice, type NamespaceType } from "./namespace-choice";

/** CLONE_NEW* of these types; the cgroup namespace is left out, as its root is the cgroup that init is in later. */
function flagsOf(types: Iterable<NamespaceType>): number {
  let flags = 0;
  for (const type of types) {
    if (type !== "cgroup" && type !== "user") flags |= namespaceKinds[type].flag;
  }
  return flags;
}

/** Flags of the first clone: all namespaces at once, unless a stage in between has to make them. */
export function firstCloneFlags(choice: NamespaceChoice): number {
  return choice.staged ? 0 : flagsOf(choice.created);
}

/** The same number decides before and after the user namespace is joined, in native/init/namespaces.cc. */
const rounds = { only: 0, beforeUser: 1, afterUser: 2 } as const;

/** From the first clone to the process that becomes the container's init. */
export function planNamespaces(context: PlanContext): PlannedStep[] {
  const choice = context.namespaces;
  if (!choice.staged) return [];
  const steps: PlannedStep[] = [...planJoins(context, choice)];
  const { created } = choice;
  if (created.has("user")) {
    steps.push(
      {
        step: { op: "unshareNamespaces", flags: namespaceKinds.user.flag },
        property: "/linux/namespaces",
      },
      { step: { op: "ask", request: requests.mapIds }, property: "/linux/uidMappings" },
      { step: { op: "becomeRoot" }, property: "/linux/uidMappings" },
    );
  }
  const flags = flagsOf(created);
  if (flags !== 0) {
    steps.push({
      step: { op: "unshareNamespaces", flags: flags >>> 0 },
      property: "/linux/namespaces",
    });
  }
  if (created.has("time")) {
    steps.push({
      step: { op: "ask", request: requests.setTimeOffsets },
      property: "/linux/timeOffsets",
    });
  }
  if (hasNamespace(choice, "pid") || created.has("time")) {
    steps.push({ step: { op: "forkInit" }, property: "/linux/namespaces" });
  }
  return steps;
}

/**
 * The joins: by the host's rights first, then the user namespace, then by its rights. The mount namespace
 * comes last of each round: joining it changes the root directory.
 */
function planJoins(context: PlanContext, choice: NamespaceChoice): PlannedStep[] {
  const user = choice.joined.find((entry) => entry.type === "user");
  const others = choice.joined
    .filter((entry) => entry.type !== "user")
    .sort((a, b) => Number(a.type === "mount") - Number(b.type === "mount"))
    .map((entry) => ({ ...entry, fd: openRequest(context, entry) }));
  const join = (
    entry: { type: NamespaceType; path: string; index: number; fd: number },
    round: number,
  ): PlannedStep => ({
    step: {
      op: "joinNamespace",
      namespaceFd: entry.fd,
      nsType: namespaceKinds[entry.type].flag,
      path: entry.path,
      round,
    },
    property: `/linux/namespaces/${entry.index}`,
  });
  if (user === undefined) return others.map((entry) => join(entry, rounds.only));
  return [
    ...others.map((entry) => join(entry, rounds.beforeUser)),
    join({ ...user, fd: openRequest(context, user) }, rounds.only),
    { step: { op: "becomeRoot" }, property: `/linux/namespaces/${user.index}` },
    ...others.map((entry) => join(entry, rounds.afterUser)),
  ];
}

function openRequest(context: PlanContext, entry: { type: NamespaceType; path: string }): number {
  return context.descriptor({
    kind: "namespace",
    path: entry.path,
    nsType: namespaceKinds[entry.type].flag,
  });
}

/** What belongs to the new process once it is where it will stay. */
export function planSession(context: PlanContext): PlannedStep[] {
  const choice = context.namespaces;
  const steps: PlannedStep[] = [{ step: { op: "newSession" }, property: "" }];
  if (context.options.newKeyring) {
    const keyring: PlannedStep = {
      step: { op: "newKeyring", name: `_ses.${context.options.id}` },
      property: "",
    };
    steps.push(...labelKeyring(context, keyring));
  }
  if (choice.created.has("cgroup")) {
    // After the cgroup was joined: the namespace's root is where its maker is.
    steps.push({
      step: { op: "unshareNamespaces", flags: namespaceKinds.cgroup.flag },
      property: "/linux/namespaces",
    });
  }
  return steps;
}

export function planNetwork(context: PlanContext): PlannedStep[] {
  const steps: PlannedStep[] = [];
  if (context.namespaces.created.has("network")) {
    steps.push({ step: { op: "bringLoopbackUp" }, property: "/linux/namespaces" });
  }
  if (Object.keys(context.config.linux?.netDevices ?? {}).length > 0) {
    steps.push({
      step: { op: "ask", request: requests.moveNetDevices },
      property: "/linux/netDevices",
    });
  }
  return steps;
}

export function planUts(context: PlanContext): PlannedStep[] {
  const { hostname, domainname } = context.config;
  const steps: PlannedStep[] = [];
  if (hostname !== undefined && hostname !== "") {
    steps.push({ step: { op: "setHostname", name: hostname }, property: "/hostname" });
  }
  if (domainname !== undefined && domainname !== "") {
    steps.push({ step: { op: "setDomainname", name: domainname }, property: "/domainname" });
  }
  return steps;
}
