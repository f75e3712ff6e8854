import { closeFile } from "../host/files";
import type { ContainerRecord } from "../state/record";
import { Trace } from "../trace/trace";
import { makeContainer } from "./make-container";
import type { CreateRequest, RuntimeOptions } from "./requests";

/** `create`: all of the container except its program. runtime.md#create */
export function createContainer(runtime: RuntimeOptions, request: CreateRequest): ContainerRecord {
  const trace = new Trace(runtime.addon, request.traceFile);
  const made = makeContainer(runtime, request, { attached: false }, trace);
  closeFile(made.pidfd);
  trace.write(`create ${request.id}`);
  return made.record;
}
