import type {
  CreateRequest,
  DeleteRequest,
  KillRequest,
  RunRequest,
  StartRequest,
} from "../lifecycle/requests";
import type { CommandName } from "./flags";

/** What a command line asks for. Paths are absolute, ids are checked, defaults are filled in. */
export type Command =
  | { readonly name: "create"; readonly request: CreateRequest }
  | { readonly name: "start"; readonly request: StartRequest }
  | { readonly name: "state"; readonly id: string }
  | { readonly name: "kill"; readonly request: KillRequest }
  | { readonly name: "delete"; readonly request: DeleteRequest }
  | { readonly name: "run"; readonly request: RunRequest }
  | { readonly name: "list"; readonly format: ListFormat; readonly quiet: boolean }
  | { readonly name: "spec"; readonly bundleDir: string; readonly rootless: boolean }
  | { readonly name: "features" }
  | { readonly name: "validate"; readonly bundleDir: string; readonly format: ReportFormat }
  | { readonly name: "explain"; readonly bundleDir: string; readonly format: ReportFormat }
  | { readonly name: "help"; readonly topic?: CommandName }
  | { readonly name: "version" };

export type ListFormat = "table" | "json";
export type ReportFormat = "text" | "json";

/** The flags before the command. */
export interface GlobalOptions {
  /** Absolute. */
  readonly stateRoot: string;
  /** Whether the caller named the state root: then it must be there to be listed. */
  readonly stateRootGiven: boolean;
  /** Absolute; undefined for standard error. */
  readonly logFile?: string;
  readonly logFormat: ReportFormat;
  readonly debug: boolean;
  readonly systemdCgroup: boolean;
  readonly rootless: boolean | "auto";
}

/** What a command line means depends on these too. */
export interface Surroundings {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly euid: number;
}
