import { mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { connect, type Server } from "node:net";
import type { Addon } from "../addon/bindings";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile, openFile, readToEnd, writeBytes } from "../host/files";
import { parentOf } from "../spec/paths";
import type { ShimArguments } from "./arguments";
import { Daemon, type DaemonSettings, listenAt } from "./daemon";
import { openLogFifo, shimLog } from "./log";
import { readOptions } from "./runtime-options";
import { joinShimCgroup } from "./shim-cgroup";
import { groupOf, socketPathOf } from "./socket-address";
import { readStartRequest, type StartRequest, startAnswer } from "./start-request";

/** The parameters of one container: more is nobody's. */
export const maxInputBytes = 4 * 1024 * 1024;

const [standardInput, standardOutput, standardError] = [0, 1, 2] as const;

/**
 * `start`: answers with the socket of the container's group. When nobody serves that, this process does from
 * then on: whoever waits for the answer is the launcher, which ends with it.
 */
export async function start(
  args: ShimArguments,
  settings: Omit<DaemonSettings, "log">,
  bundle: string,
): Promise<void> {
  const { addon, launch } = settings;
  const request = readStartRequest(args, launch.variable, readToEnd(standardInput, maxInputBytes));
  const socketPath = args.socketPath ?? pathOf(request, bundle);
  const address = `unix://${socketPath}`;
  const listener = await takeSocket(settings, socketPath);
  const answer = startAnswer(request.form, address);
  // containerd finds us by it when it is restarted; newer ones write down for themselves what we answer.
  writeFileSync(`${bundle}/address`, address);
  if (listener === undefined) {
    tell(answer);
    return;
  }
  try {
    prepare(settings, request);
    writeFileSync(`${bundle}/shim.pid`, String(process.pid));
    const logFd = openLogFifo(bundle) ?? openFile("/dev/null", "readWrite");
    const log = shimLog(logFd, { debug: request.debug, id: request.id });
    tell(answer);
    detach(logFd, addon);
    await new Daemon({ ...settings, log }, request).serve(listener, socketPath);
  } catch (error) {
    listener.close();
    throw error;
  }
}

/** Serves in the foreground, at the socket that is named, and logs to standard error: for who looks for a mistake. */
export async function serve(
  args: ShimArguments,
  settings: Omit<DaemonSettings, "log">,
): Promise<void> {
  const { socketPath, id, namespace, grpcAddress, publishBinary, debug } = args;
  if (socketPath === undefined) throw new RuntimeError("USAGE", "flag needs to be given: -socket");
  const log = shimLog(standardError, { debug, id });
  const ttrpcAddress = settings.launch.variable("TTRPC_ADDRESS");
  const request = { namespace, grpcAddress, publishBinary, ttrpcAddress };
  const listener = await listenAt(socketPath);
  await new Daemon({ ...settings, log }, request).serve(listener, socketPath);
}

/** Whoever waits takes everything that is written for the answer, to the byte. */
export function tell(answer: Uint8Array): void {
  for (let at = 0; at < answer.length; ) at += writeBytes(standardOutput, answer.subarray(at));
}

/** Lets go of whoever waits, and of the directory that goes with the container. */
function detach(logFd: number, addon: Addon): void {
  const nothing = openFile("/dev/null", "readWrite");
  addon.replaceDescriptor({ fd: nothing, target: standardInput });
  addon.replaceDescriptor({ fd: logFd, target: standardError });
  // Last: with its end the launcher ends.
  addon.replaceDescriptor({ fd: logFd, target: standardOutput });
  closeFile(nothing);
  process.chdir("/");
}

/** By what the container says of its group. */
function pathOf(request: StartRequest, bundle: string): string {
  const { id, namespace, grpcAddress, socketDir } = request;
  const group = groupOf(id, readAnnotations(bundle));
  return socketPathOf({ grpcAddress, namespace, group, socketDir });
}

/** What else is in there is checked when the container is made. */
function readAnnotations(bundle: string): Record<string, string> | undefined {
  try {
    const config = JSON.parse(readFileSync(`${bundle}/config.json`, "utf8"));
    return config?.annotations ?? undefined;
  } catch (cause) {
    throw new RuntimeError("BUNDLE_UNREADABLE", `read the config of "${bundle}"`, { cause });
  }
}

/**
 * A listener on the group's socket, or undefined when a shim answers there. One that nobody answers at was left
 * by a shim that was killed. Others that ask for the same group wait meanwhile.
 */
async function takeSocket(
  { addon }: Pick<DaemonSettings, "addon">,
  path: string,
): Promise<Server | undefined> {
  const directory = parentOf(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = addon.lockDirectory({ path: directory, wait: true });
  try {
    if (await answers(path)) return undefined;
    removeIfThere(path);
    return await listenAt(path);
  } finally {
    closeFile(lock);
  }
}

/** Whether somebody listens at a socket. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}

export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

/** What concerns the shim's own process. */
function prepare({ addon, launch }: Omit<DaemonSettings, "log">, { options }: StartRequest): void {
  // What is wrong with the other options `Create` tells, which has them too.
  const { shimCgroup } = readOptions(options, () => {}, { others: "tell" });
  if (shimCgroup !== "") joinShimCgroup(shimCgroup);
  if (launch.variable("SCHED_CORE") !== undefined) addon.isolateCores();
  raiseOomScore();
}

/** One more than containerd's: when memory runs out, a shim goes rather than containerd, and before neither its containers. */
function raiseOomScore(): void {
  const file = "/proc/self/oom_score_adj";
  const own = Number(readFileSync(file, "utf8"));
  const highest = 1000;
  writeFileSync(file, String(Math.min(own + 1, highest)));
}
