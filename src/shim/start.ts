import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type ListenOptions, type Server } from "node:net";
import { describeError } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile, openFile, readToEnd } from "../host/files";
import type { ShimArguments } from "./arguments";
import { Daemon, type DaemonSettings } from "./daemon";
import { type ShimLog, shimLog } from "./log";
import { readOptions } from "./runtime-options";
import { joinShimCgroup } from "./shim-cgroup";
import { readStartRequest, type StartRequest } from "./start-request";

/** The parameters of one container: more is nobody's. */
export const maxInputBytes = 4 * 1024 * 1024;

const [standardInput, standardError] = [0, 2] as const;

type Settings = Omit<DaemonSettings, "log">;

/**
 * `start`: serves the group of the container. The launcher has found that nobody does, has told containerd where
 * this shim will, and gave it the listener; whoever called waits no longer.
 */
export async function start(args: ShimArguments, settings: Settings): Promise<void> {
  const { launch } = settings;
  const { shimListener } = launch;
  if (shimListener === undefined) {
    throw new RuntimeError("USAGE", "start is answered by the launcher, and was called without it");
  }
  const { request, problem } = readRequest(args, settings);
  letGoOfInput(settings);
  const log = shimLog(standardError, { debug: request.debug, id: request.id });
  const daemon = new Daemon({ ...settings, log }, request);
  try {
    if (problem !== undefined) throw problem;
    prepare(settings, log, request);
  } catch (error) {
    // Nobody hears of it but by the call that it concerns.
    daemon.refuseContainers(`start the shim: ${describeError(error)}`);
  }
  await daemon.serve(await listen({ fd: shimListener.fd }), shimListener.path);
}

/** What can be known of it when there is a problem: the shim is promised already, and has to say so. */
function readRequest(args: ShimArguments, { launch: { variable } }: Settings) {
  const input = readToEnd(standardInput, maxInputBytes);
  try {
    return { request: readStartRequest(args, variable, input) };
  } catch (problem) {
    return { request: readStartRequest(args, variable, new Uint8Array()), problem };
  }
}

/** It is in memory, where the launcher put it. */
function letGoOfInput({ addon }: Settings): void {
  const nothing = openFile("/dev/null", "readWrite");
  addon.replaceDescriptor({ fd: nothing, target: standardInput });
  closeFile(nothing);
}

/** Serves in the foreground, at the socket that is named, and logs to standard error: for who looks for a mistake. */
export async function serve(args: ShimArguments, settings: Settings): Promise<void> {
  const { socketPath, id, namespace, grpcAddress, publishBinary, debug } = args;
  if (socketPath === undefined) throw new RuntimeError("USAGE", "flag needs to be given: -socket");
  const log = shimLog(standardError, { debug, id });
  const ttrpcAddress = settings.launch.variable("TTRPC_ADDRESS");
  const request = { namespace, grpcAddress, publishBinary, ttrpcAddress };
  const umask = process.umask(0o177);
  const listener = await listen({ path: socketPath });
  process.umask(umask);
  await new Daemon({ ...settings, log }, request).serve(listener, socketPath);
}

function listen(at: ListenOptions & { fd?: number }): Promise<Server> {
  return new Promise((resolve, reject) => {
    const listener = createServer();
    listener.once("error", reject);
    listener.listen(at, () => resolve(listener));
  });
}

/** What concerns the shim's own process. */
function prepare({ addon, launch }: Settings, log: ShimLog, { options }: StartRequest): void {
  // What is wrong with the other options `Create` tells, which has them too.
  const { shimCgroup } = readOptions(options, log.debug, { others: "tell" });
  if (shimCgroup !== "") joinShimCgroup(shimCgroup);
  if (launch.variable("SCHED_CORE") !== undefined) addon.isolateCores();
  raiseOomScore();
}

/** One more than containerd's: when memory runs out, a shim goes rather than containerd. */
function raiseOomScore(): void {
  const file = "/proc/self/oom_score_adj";
  const highest = 1000;
  writeFileSync(file, String(Math.min(Number(readFileSync(file, "utf8")) + 1, highest)));
}
