/** How an answer is laid out. */
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
  readonly withoutCgroups?: boolean;
  readonly rootless: boolean | "auto";
}

/** What a command line means depends on these too. */
export interface Surroundings {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly euid: number;
  readonly inUserNamespace: boolean;
}
