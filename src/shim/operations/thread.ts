import { parentPort, workerData } from "node:worker_threads";
import { loadAddon, locateAddon } from "../../addon/addon";
import { describeError } from "../../errors/describe";
import { RuntimeError } from "../../errors/runtime-error";
import { operations } from "./operations";
import type { Answered, Asked, Failure, ThreadSettings } from "./protocol";

/** A thread that may block: one operation at a time, each asked for and answered by one message. */

const { libraryDir, environment, nofileSoft } = workerData as ThreadSettings;
locateAddon(libraryDir);
const addon = loadAddon();
const launch = {
  environment,
  variable: (name: string) => environment[name],
  invokedAs: "tsoci",
  ...(nofileSoft === undefined ? {} : { nofileSoft }),
};

parentPort?.on("message", (asked: Asked) => parentPort?.postMessage(answer(asked)));

function answer({ name, runtime, request }: Asked): Answered {
  const warnings: string[] = [];
  const options = {
    ...runtime,
    addon,
    launch,
    rootless: "auto" as const,
    warn: (message: string) => warnings.push(message),
  };
  try {
    const operation = operations[name] as (runtime: typeof options, request: unknown) => unknown;
    return { answer: operation(options, request), warnings };
  } catch (error) {
    return { failure: failureOf(error), warnings };
  }
}

const failureOf = (error: unknown): Failure => ({
  code: error instanceof RuntimeError ? error.code : undefined,
  message: describeError(error),
});
