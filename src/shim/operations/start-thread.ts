import { Worker } from "node:worker_threads";
import { asideFile } from "../../host/aside";
import type { LaunchFacts } from "../../host/launch-facts";
import type { ThreadSettings } from "./protocol";

/** Starts a thread for operations: thread.ts. */
export function startThread({ libraryDir, environment, nofileSoft }: LaunchFacts): Worker {
  const workerData: ThreadSettings = { libraryDir, environment, nofileSoft };
  return new Worker(asideFile("shim-thread"), { workerData });
}
