import type { ErrorCode } from "../../errors/codes";
import type { operations } from "./operations";

/** What the main thread and those that may block say to each other. */

type Operations = typeof operations;
export type OperationName = keyof Operations;
export type OperationRequest<Name extends OperationName> = Parameters<Operations[Name]>[1];
export type OperationAnswer<Name extends OperationName> = ReturnType<Operations[Name]>;

/** Of the container that an operation is about. */
export interface RuntimeChoice {
  /** Directory that holds one directory for each container; absolute. */
  readonly stateRoot: string;
  readonly systemdCgroup: boolean;
}

/** What a thread has to know of the process before it can work. */
export interface ThreadSettings {
  readonly libraryDir: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly nofileSoft: bigint | undefined;
}

export interface Asked {
  readonly name: OperationName;
  readonly runtime: RuntimeChoice;
  readonly request: unknown;
}

/** An error as it travels: its class and chain of causes do not survive the way. */
export interface Failure {
  readonly code: ErrorCode | undefined;
  readonly message: string;
}

export type Answered = { readonly warnings: readonly string[] } & (
  | { readonly answer: unknown }
  | { readonly failure: Failure }
);
