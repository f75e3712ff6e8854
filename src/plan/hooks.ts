import type { Config, Hook } from "../generated/config";
import { requests } from "../generated/plan";
import type { PlanContext, PlannedStep } from "./context";
import { ociVersion } from "./oci-version";
import { programEnvironment } from "./process";

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

/** What a hook gets besides what its own entry says. */
interface HookSurroundings {
  readonly kind: "createContainer" | "startContainer";
  readonly status: "creating" | "created";
  /** For hooks that name none, which then get HOME as the user `homeUid` has it. */
  readonly env: () => readonly string[];
  readonly homeUid?: number;
  readonly filter: { readonly filter: Uint8Array; readonly filterFlags: number };
}

const noFilter = { filter: new Uint8Array(0), filterFlags: 0 };

function planInitHooks(
  context: PlanContext,
  { kind, status, env, homeUid, filter }: HookSurroundings,
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
      ...hookEnvironment(hook, env, homeUid),
      timeoutSeconds: hook.timeout ?? 0,
      stateBeforePid,
      stateAfterPid,
      ...filter,
    },
    property: `/hooks/${kind}/${index}`,
  }));
}

function hookEnvironment(hook: Hook, env: () => readonly string[], homeUid: number | undefined) {
  if (hook.env !== undefined || homeUid === undefined) {
    return { env: hook.env ?? env(), homeUid: 0, addHome: 0 };
  }
  const { variables, hasHome } = programEnvironment(env());
  return { env: variables, homeUid, addHome: Number(!hasHome) };
}

/** prestart and createRuntime by the driver, then createContainer by init: all before the root changes. */
export function planCreateHooks(context: PlanContext): PlannedStep[] {
  const steps = planInitHooks(context, {
    kind: "createContainer",
    status: "creating",
    env: context.options.hookEnv,
    filter: noFilter,
  });
  return hasHostHooks(context.config)
    ? [{ step: { op: "ask", request: requests.runHostHooks }, property: "/hooks" }, ...steps]
    : steps;
}

export function hasHostHooks(config: Config): boolean {
  return (config.hooks?.prestart?.length ?? 0) + (config.hooks?.createRuntime?.length ?? 0) > 0;
}

/**
 * With the program's environment and under its filter, as runc has always run them. A filter with a listener
 * can be loaded once only, and by whom it is for.
 */
export function planStartHooks(context: PlanContext): PlannedStep[] {
  const { process } = context.config;
  const { seccomp } = context.options;
  return planInitHooks(context, {
    kind: "startContainer",
    status: "created",
    env: () => process?.env ?? [],
    ...(process === undefined ? {} : { homeUid: process.user.uid }),
    filter:
      seccomp === undefined || seccomp.listener !== undefined
        ? noFilter
        : { filter: seccomp.program, filterFlags: seccomp.flags },
  });
}
