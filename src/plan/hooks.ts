import type { Config, Hook } from "../generated/config";
import { requests } from "../generated/plan";
import type { PlanContext, PlannedStep } from "./context";
import { ociVersion } from "./oci-version";

/** Stands where the pid goes; a number can be no part of it. */
const pidMark = "@pid@";

/** The state that a hook of init reads on its standard input, around the pid that only init knows. */
function stateAroundPid(
  context: PlanContext,
  status: "creating" | "created",
): [before: string, after: string] {
  const { annotations } = context.config;
  const state = {
    ociVersion,
    id: context.options.id,
    status,
    pid: pidMark,
    bundle: context.options.bundleDir,
    ...(annotations === undefined ? {} : { annotations }),
  };
  const text = JSON.stringify(state);
  // The first one is ours: before it come only the version, an id without "@", and the status.
  const [before = "", ...rest] = text.split(`"${pidMark}"`);
  return [before, rest.join(`"${pidMark}"`)];
}

function planInitHooks(
  context: PlanContext,
  kind: "createContainer" | "startContainer",
  status: "creating" | "created",
  defaultEnv: () => readonly string[],
): PlannedStep[] {
  const hooks: readonly Hook[] = context.config.hooks?.[kind] ?? [];
  if (hooks.length === 0) return [];
  const [stateBeforePid, stateAfterPid] = stateAroundPid(context, status);
  return hooks.map((hook, index) => ({
    step: {
      op: "runHook",
      kind,
      index,
      path: hook.path,
      args: hook.args ?? [],
      env: hook.env ?? defaultEnv(),
      timeoutSeconds: hook.timeout ?? 0,
      stateBeforePid,
      stateAfterPid,
    },
    property: `/hooks/${kind}/${index}`,
  }));
}

/** prestart and createRuntime by the driver, then createContainer by init: all before the root changes. */
export function planCreateHooks(context: PlanContext): PlannedStep[] {
  const steps = planInitHooks(context, "createContainer", "creating", context.options.hookEnv);
  return hasHostHooks(context.config)
    ? [{ step: { op: "ask", request: requests.runHostHooks }, property: "/hooks" }, ...steps]
    : steps;
}

export function hasHostHooks(config: Config): boolean {
  return (config.hooks?.prestart?.length ?? 0) + (config.hooks?.createRuntime?.length ?? 0) > 0;
}

/** With the program's environment, as runc has always given it to them. */
export function planStartHooks(context: PlanContext): PlannedStep[] {
  return planInitHooks(
    context,
    "startContainer",
    "created",
    () => context.config.process?.env ?? [],
  );
}
