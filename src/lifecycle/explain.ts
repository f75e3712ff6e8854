import { loadAddon } from "../addon/addon";
import { openBundle } from "../bundle/bundle";
import { supposedLimits } from "../cgroups/apply-limits";
import type { LimitWrite } from "../cgroups/limits/limit";
import { placeCgroup } from "../cgroups/place";
import { callsOfStep } from "../generated/plan-calls";
import { readHostFacts } from "../host/read-facts";
import { describeStep, requestName } from "../plan/describe-step";
import { type ContainerPlan, planContainer } from "../plan/plan";
import { findUnavailable } from "../plan/unavailable";
import { locateGroups, type ResctrlGroups } from "../resctrl/groups";
import { schemataWrites } from "../resctrl/schemata";
import { namespaceKinds } from "../spec/kernel-constants";
import { compileFilter } from "./compile-filter";

/** One thing that will be done, in the order of doing. */
export interface ExplainedStep {
  readonly actor: "driver" | "init";
  readonly does: string;
  /** JSON pointer of the property that asks for it; empty for what every container gets. */
  readonly property: string;
  /** The system calls that do it. */
  readonly calls: string;
}

export interface PlanExplanation {
  readonly bundle: string;
  readonly steps: readonly ExplainedStep[];
  /** Properties that make `create` refuse the bundle, because this version or machine would have to ignore them. */
  readonly refused: readonly string[];
}

/** What `create` and `start` would do with this bundle on this machine. Nothing is changed. */
export function explainBundle(
  bundleDir: string,
  options: { readonly id?: string; readonly systemdCgroup?: boolean },
): PlanExplanation {
  const bundle = openBundle(bundleDir);
  const host = readHostFacts();
  const id = options.id ?? "ID";
  const { resources, cgroupsPath } = bundle.config.linux ?? {};
  const unit = options.systemdCgroup ? explainUnit(cgroupsPath, id) : undefined;
  const place = unit === undefined ? placeCgroup(host, cgroupsPath, id, "auto") : undefined;
  const cgroupPath = unit?.path ?? place?.path ?? "";
  const facts = { ...host, cgroups: place?.layout ?? host.cgroups };
  const filter = compileFilter(bundle.config.linux?.seccomp, {
    addon: loadAddon(),
    bundleDir: bundle.dir,
  });
  const plan = planContainer(bundle.config, facts, {
    id,
    bundleDir: bundle.dir,
    rootfsPath: bundle.rootfsPath,
    pivot: true,
    newKeyring: true,
    preserveFds: 0,
    cgroupPath,
    extraEnv: [],
    hookEnv: () => [],
    ...(filter === undefined ? {} : { seccomp: filter }),
  });
  const groups = locateGroups(facts.resctrl, bundle.config.linux?.intelRdt, id);
  const makeCgroups = facts.cgroups.hierarchies.map(
    ({ mountPoint }): ExplainedStep => ({
      actor: "driver",
      does: `make cgroup "${mountPoint}${cgroupPath}"`,
      property: "/linux/cgroupsPath",
      calls: "mkdir",
    }),
  );
  return {
    bundle: bundle.dir,
    steps: [
      { actor: "driver", does: "take the id", property: "", calls: "mkdir" },
      ...(unit === undefined ? [] : [unit.step]),
      ...makeCgroups,
      ...supposedLimits(facts.cgroups, resources).map(explainLimit),
      ...explainDevices(resources?.devices?.length ?? 0),
      ...explainGroups(groups),
      {
        actor: "driver",
        does: "listen at the start gate",
        property: "",
        calls: "socket, bind, listen",
      },
      ...plan.descriptors.flatMap(explainDescriptor),
      explainClone(plan),
      ...plan.steps.flatMap((planned) => explainStep(plan, planned, groups)),
    ],
    refused: findUnavailable(bundle.config, facts).map(({ pointer }) => pointer),
  };
}

function explainLimit({ file, value, property }: LimitWrite): ExplainedStep {
  return { actor: "driver", does: `write "${value}" to ${file}`, property, calls: "write" };
}

/** As root's systemd has it: where a user's puts its units only that one knows. */
function explainUnit(cgroupsPath: string | undefined, id: string) {
  const { pathOfUnit, unitOf } =
    require("../cgroups/systemd/unit") as typeof import("../cgroups/systemd/unit");
  const unit = unitOf(cgroupsPath, id, { defaultSlice: "system.slice" });
  const step: ExplainedStep = {
    actor: "driver",
    does: `start the unit "${unit.name}" in "${unit.slice}", with a process that keeps its place`,
    property: "/linux/cgroupsPath",
    calls: "StartTransientUnit",
  };
  return { path: pathOfUnit(unit), step };
}

function explainDevices(count: number): ExplainedStep[] {
  if (count === 0) return [];
  return [
    {
      actor: "driver",
      does: `apply ${count} device rules and the default ones`,
      property: "/linux/resources/devices",
      calls: "write, bpf",
    },
  ];
}

function explainGroups(groups: ResctrlGroups | undefined): ExplainedStep[] {
  if (groups === undefined) return [];
  const { classDir, monitorDir, rdt } = groups;
  const driver = (does: string, calls: string): ExplainedStep => ({
    actor: "driver",
    does,
    property: "/linux/intelRdt",
    calls,
  });
  return [
    driver(`find or make the class of service "${classDir}"`, "mkdir"),
    ...schemataWrites(rdt).map((text) =>
      driver(`write ${JSON.stringify(text)} to "${classDir}/schemata"`, "write"),
    ),
    ...(monitorDir === undefined ? [] : [driver(`make monitoring group "${monitorDir}"`, "mkdir")]),
  ];
}

function explainJoin(groups: ResctrlGroups | undefined): ExplainedStep[] {
  if (groups === undefined) return [];
  return [
    {
      actor: "driver",
      does: `put init into "${groups.monitorDir ?? groups.classDir}"`,
      property: "/linux/intelRdt",
      calls: "write(tasks)",
    },
  ];
}

function explainDescriptor(request: ContainerPlan["descriptors"][number]): ExplainedStep[] {
  switch (request.kind) {
    case "held":
      return [];
    case "cgroupTasks":
      return [
        {
          actor: "driver",
          does: `open "${request.path}"`,
          property: "/linux/cgroupsPath",
          calls: "open",
        },
      ];
    case "namespace":
      return [
        {
          actor: "driver",
          does: `open namespace "${request.path}"`,
          property: "/linux/namespaces",
          calls: "open, ioctl(NS_GET_NSTYPE)",
        },
      ];
    case "idmap":
      return [
        {
          actor: "driver",
          does: "make a user namespace for id-mapped mounts",
          property: "/mounts",
          calls: "clone, open",
        },
      ];
    case "mountSource":
      return [
        {
          actor: "driver",
          does: `open the source "${request.path}"`,
          property: "/mounts",
          calls: "open_tree",
        },
      ];
  }
}

function explainClone({ cloneFlags }: ContainerPlan): ExplainedStep {
  const names = Object.entries(namespaceKinds)
    .filter(([, { flag }]) => (cloneFlags & flag) !== 0)
    .map(([name]) => name);
  const does =
    names.length === 0 ? "clone init" : `clone init into new namespaces: ${names.join(", ")}`;
  return { actor: "driver", does, property: "/linux/namespaces", calls: "clone3, execveat" };
}

function explainStep(
  plan: ContainerPlan,
  { step, property }: ContainerPlan["steps"][number],
  groups: ResctrlGroups | undefined,
): ExplainedStep[] {
  const explained: ExplainedStep = {
    actor: "init",
    does: describeStep(step),
    property,
    calls: callsOfStep[step.op],
  };
  if (step.op === "loadSeccomp" && plan.driver.seccompListener !== undefined)
    return explainListener(explained);
  if (step.op === "reportReady")
    return [explained, ...explainJoin(groups), ...explainPublishing(plan)];
  if (step.op !== "ask") return [explained];
  return explainAnswer(plan, requestName(step.request), property);
}

/** Around the filter, `start` serves init once more. */
function explainListener(load: ExplainedStep): ExplainedStep[] {
  const property = "/linux/seccomp/listenerPath";
  return [
    {
      actor: "driver",
      does: "connect to the seccomp agent",
      property,
      calls: "socket, connect",
    },
    load,
    {
      actor: "driver",
      does: "send the seccomp listener and the container's state to the agent",
      property,
      calls: "sendmsg(SCM_RIGHTS)",
    },
  ];
}

/** What the driver does while init waits for it. */
function explainAnswer(
  { driver }: ContainerPlan,
  name: ReturnType<typeof requestName>,
  property: string,
): ExplainedStep[] {
  const one = (does: string, at: string, calls: string): ExplainedStep => ({
    actor: "driver",
    does,
    property: at,
    calls,
  });
  switch (name) {
    case "adjustOomScore":
      return [one(`set oom_score_adj to ${driver.oomScoreAdj}`, property, "write")];
    case "mapIds":
      return [one("map user and group ids", property, "write(uid_map, gid_map)")];
    case "setTimeOffsets":
      return [one("set the clocks' offsets", property, "write(timens_offsets)")];
    case "moveNetDevices":
      return driver.netDevices.map(({ name: device, newName }) =>
        one(
          `move interface "${device}" into the container as "${newName}"`,
          `/linux/netDevices/${device}`,
          "sendto(RTM_SETLINK)",
        ),
      );
    case "runHostHooks":
      return driver.hostHooks.map(({ kind, index, hook }) =>
        one(
          `run ${kind} hook #${index}, "${hook.path}"`,
          `/hooks/${kind}/${index}`,
          "clone, execve, waitid",
        ),
      );
    case "openMountSource":
      return [one("open the source of a bind mount", property, "setns, open_tree")];
    case "takeConsole":
      return [one("take the terminal's master", property, "recvmsg")];
    // Not a step's request: loadSeccomp sends both.
    case "connectListener":
    case "sendListener":
      return [];
  }
}

function explainPublishing({ driver }: ContainerPlan): ExplainedStep[] {
  return [
    ...driver.limits.map(
      ({ name, soft, hard }, index): ExplainedStep => ({
        actor: "driver",
        does: `limit ${name} to ${soft}, at most ${hard}`,
        property: `/process/rlimits/${index}`,
        calls: "prlimit",
      }),
    ),
    {
      actor: "driver",
      does: "save the record and let go of init",
      property: "",
      calls: "rename, sendmsg",
    },
  ];
}

/** A table for people, or a document for programs. */
export function formatExplanation(explanation: PlanExplanation, format: "text" | "json"): string {
  if (format === "json") return `${JSON.stringify(explanation, null, 2)}\n`;
  const number = (index: number) => String(index + 1).padStart(3);
  const rows = explanation.steps.map(({ actor, does, property, calls }, index) =>
    [
      `${number(index)}  ${actor.padEnd(6)}  ${does}`,
      `      by ${calls}`,
      ...(property === "" ? [] : [`      for ${property}`]),
    ].join("\n"),
  );
  const refused = explanation.refused.map(
    (property) =>
      `create refuses this bundle: ${property} is not applied by this version of tsoci, or not on this machine`,
  );
  return `${[...rows, ...refused].join("\n")}\n`;
}
