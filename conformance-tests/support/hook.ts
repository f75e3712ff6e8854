import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Hook, HookKind } from "./config";
import type { Container } from "./container";
import { parseReport } from "./container";
import { programPath } from "./environment";
import type { Report } from "./report";

/** Kinds whose program is looked up in, and runs in, the runtime's namespaces. */
export const hostKinds = ["prestart", "createRuntime", "poststart", "poststop"] as const;

/** A hook that runs the probe. A startContainer hook finds it in the rootfs, the others on the host. */
export function probeHook(kind: HookKind, ...args: readonly string[]): Hook {
  const path = kind === "startContainer" ? "/probe" : programPath("probe");
  return { path, args: ["hook", ...args] };
}

/** Adds hooks of each kind that write down their names, and returns what reads them in order. */
export function logHooks(box: Container, kinds: readonly HookKind[]): () => string[] {
  const log = logFile(box);
  const hooks = box.config.hooks ?? {};
  for (const kind of kinds) hooks[kind] = [...(hooks[kind] ?? []), logHook(kind, log, kind)];
  box.config.hooks = hooks;
  box.writeConfig();
  return () => readLog(log.outside);
}

export interface LogFile {
  readonly inside: string;
  readonly outside: string;
}

/** A file that the host and the container reach. */
export function logFile(box: Container): LogFile {
  return { inside: "/log/lines", outside: join(box.share("/log"), "lines") };
}

export function logHook(kind: HookKind, log: LogFile, line: string, ...rest: string[]): Hook {
  const path = kind === "startContainer" ? log.inside : log.outside;
  return probeHook(kind, "--quiet", "--append", path, line, ...rest);
}

export function readLog(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
}

/** A hook that reports what it sees, its standard input too; and what reads the report. */
export function reportHook(box: Container, kind: HookKind): () => Report {
  const shared = box.share("/reports");
  const name = `${kind}.json`;
  const out = join(kind === "startContainer" ? "/reports" : shared, name);
  const hooks = box.config.hooks ?? {};
  box.config.hooks = { ...hooks, [kind]: [probeHook(kind, "--stdin", "--out", out)] };
  box.writeConfig();
  return () => parseReport(readFileSync(join(shared, name), "utf8"));
}
