import type { Device } from "../generated/config";
import { fileTypeBits } from "../spec/kernel-constants";
import { parseMountOptions } from "../spec/mount-options";
import { cleanPath } from "../spec/paths";
import type { PlanContext, PlannedStep } from "./context";
import { targetOf } from "./mount-target";
import { hasNamespace } from "./namespace-choice";

const everyoneMayReadAndWrite = 0o666;

/** config-linux.md#default-devices: every container has these. */
export const defaultDevices: readonly Device[] = [
  { type: "c", path: "/dev/null", major: 1, minor: 3 },
  { type: "c", path: "/dev/random", major: 1, minor: 8 },
  { type: "c", path: "/dev/full", major: 1, minor: 7 },
  { type: "c", path: "/dev/tty", major: 5, minor: 0 },
  { type: "c", path: "/dev/zero", major: 1, minor: 5 },
  { type: "c", path: "/dev/urandom", major: 1, minor: 9 },
];

/** runtime-linux.md#dev-symbolic-links. */
const links: readonly { path: string; target: string }[] = [
  { path: "/dev/fd", target: "/proc/self/fd" },
  { path: "/dev/stdin", target: "/proc/self/fd/0" },
  { path: "/dev/stdout", target: "/proc/self/fd/1" },
  { path: "/dev/stderr", target: "/proc/self/fd/2" },
];

/** A /dev that is bind-mounted is the caller's, and is left as it is. */
export function ownsDev(context: PlanContext): boolean {
  return !(context.config.mounts ?? []).some(
    (mount) =>
      targetOf(context, mount) === "/dev" && parseMountOptions(mount.options ?? []).bind !== "no",
  );
}

export function planDevices(context: PlanContext): PlannedStep[] {
  const choice = context.namespaces;
  if (!ownsDev(context)) return [];
  // Only the first user namespace may make device nodes; elsewhere the host's are bound.
  const mustBind = hasNamespace(choice, "user") || context.facts.inUserNamespace;
  const listed = context.config.linux?.devices ?? [];
  const isListed = new Set(listed.map((device) => cleanPath(device.path)));
  const steps = defaultDevices
    .filter((device) => !isListed.has(device.path))
    .map((device) => planDevice(device, mustBind, false, ""));
  listed.forEach((device, index) => {
    // These two are always a link into, and a bind mount of, the container's devpts.
    if (["/dev/ptmx", "/dev/console"].includes(cleanPath(device.path))) return;
    steps.push(planDevice(device, mustBind, true, `/linux/devices/${index}`));
  });
  return [...steps, ...planLinks(context)];
}

function planDevice(
  device: Device,
  mustBind: boolean,
  always: boolean,
  property: string,
): PlannedStep {
  const type = fileTypeBits[device.type];
  const path = cleanPath(device.path);
  const major = Number(device.major ?? 0);
  const minor = Number(device.minor ?? 0);
  if (mustBind && device.type !== "p") {
    return { step: { op: "bindDevice", path, source: path, type, major, minor }, property };
  }
  return {
    step: {
      op: "makeDevice",
      path,
      type,
      major,
      minor,
      mode: (device.fileMode ?? everyoneMayReadAndWrite) & 0o777,
      uid: device.uid ?? 0,
      gid: device.gid ?? 0,
      always: Number(always),
    },
    property,
  };
}

function planLinks(context: PlanContext): PlannedStep[] {
  const all = context.facts.hasKcore
    ? [...links, { path: "/dev/core", target: "/proc/kcore" }]
    : links;
  return [
    ...all.map(
      ({ path, target }): PlannedStep => ({
        step: { op: "makeSymlink", path, target, replace: 0 },
        property: "",
      }),
    ),
    {
      step: { op: "makeSymlink", path: "/dev/ptmx", target: "pts/ptmx", replace: 1 },
      property: "",
    },
  ];
}
