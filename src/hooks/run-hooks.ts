import type { Addon, HookOutcome } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import type { Hook, Hooks } from "../generated/config";
import type { LaunchFacts } from "../host/launch-facts";
import { signalDescription } from "../host/signals";

const msPerSecond = 1000;

export interface HookRunner {
  readonly addon: Addon;
  readonly launch: LaunchFacts;
}

/** Runs one hook in the runtime's namespaces, with the state on its standard input. Throws HOOK_FAILED. */
export function runHook(
  runner: HookRunner,
  kind: keyof Hooks,
  index: number,
  hook: Hook,
  bundleDir: string,
  state: Uint8Array,
): void {
  const doing = `error running ${kind} hook #${index}`;
  let outcome: HookOutcome;
  try {
    outcome = runner.addon.runHook({
      path: hook.path,
      args: hook.args ?? [hook.path],
      env: hook.env ?? environmentList(runner.launch),
      stdin: state,
      // Where runc runs them.
      cwd: bundleDir,
      timeoutMs: hook.timeout === undefined ? -1 : hook.timeout * msPerSecond,
      nofileSoft: runner.launch.nofileSoft ?? -1n,
    });
  } catch (cause) {
    throw new RuntimeError("HOOK_FAILED", doing, { cause });
  }
  const ended = describeEnd(outcome, hook.timeout);
  if (ended === undefined) return;
  const { stdout, stderr } = outcome;
  throw new RuntimeError(
    "HOOK_FAILED",
    `${doing}: ${ended}, stdout: ${stdout.trim()}, stderr: ${stderr.trim()}`,
  );
}

/** Undefined for success. */
function describeEnd(
  { status, signal, timedOut }: HookOutcome,
  timeoutSeconds: number | undefined,
): string | undefined {
  if (timedOut) return `timed out after ${timeoutSeconds} seconds`;
  if (signal !== 0) return `signal: ${signalDescription(signal)}`;
  return status === 0 ? undefined : `exit status ${status}`;
}

/** The caller's variables, for hooks that name none: runc gives them its own environment. */
export function environmentList({ environment }: LaunchFacts): string[] {
  return Object.entries(environment).map(([name, value]) => `${name}=${value}`);
}

/**
 * The poststop hooks: all of them, whatever becomes of one. A failure is a warning (runtime.md#lifecycle,
 * step 13).
 */
export function runPoststopHooks(
  runner: HookRunner,
  hooks: readonly Hook[],
  bundleDir: string,
  state: Uint8Array,
  warn: (message: string) => void,
): void {
  hooks.forEach((hook, index) => {
    try {
      runHook(runner, "poststop", index, hook, bundleDir, state);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      warn(
        error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message,
      );
    }
  });
}
