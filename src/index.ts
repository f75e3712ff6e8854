/**
 * tsoci as a library: the operations that are behind the command, for Node 20 and later, and Bun.
 *
 * @example
 * import { Runtime } from "tsoci";
 *
 * const runtime = new Runtime();
 * runtime.run({ id: "web", bundle: "/srv/web" });
 * const { status } = await runtime.wait("web");
 * runtime.delete("web");
 */

export type { CgroupStats } from "./cgroups/stats/types";
export { type ErrorCode, errorCodes } from "./errors/codes";
export { describeError } from "./errors/describe";
export { RuntimeError } from "./errors/runtime-error";
/** The types of config.json, generated from spec-schemas/: config.md, config-linux.md. */
export type * from "./generated/config";
/** The types of what `tsoci features` prints: features.md. */
export type * from "./generated/features";
/** What hooks read on their standard input: runtime.md#state. */
export type { State } from "./generated/state";
export type { ChildEnd as ProcessEnd } from "./library/children";
export { ContainerProcess } from "./library/container-process";
export type { ExecOptions, ProcessEdit, WholeProcess } from "./library/exec-options";
export type { CreateOptions, RuntimeSettings } from "./library/options";
export { type ContainerEnd, Runtime, type Validation } from "./library/runtime";
export type { ExplainedStep, PlanExplanation } from "./lifecycle/explain";
export { type DefaultConfigOptions, defaultConfig } from "./spec/default-config";
export type { Issue } from "./spec/issue";
export { type ParsedConfig, parseConfig } from "./spec/parse-config";
export type { ContainerState } from "./state/oci-state";
export type { Status } from "./state/status";
