import type { Addon } from "../addon/bindings";
import { Any } from "../generated/shim/any";
import { EventsDefinition } from "../generated/shim/publish";
import type { Envelope } from "../generated/shim/types";
import { closeFile, openFile, writeBytes } from "../host/files";
import type { LaunchFacts } from "../host/launch-facts";
import type { EventSink } from "./event-publisher";
import { collectChild } from "./own-child";
import type { StartRequest } from "./start-request";
import { TtrpcClient } from "./ttrpc/client";

/** How long containerd may take for one event. */
const answerTimeoutMs = 5000;

interface PublishContext {
  readonly addon: Addon;
  readonly launch: LaunchFacts;
  readonly children: Set<number>;
}

type Containerd = Pick<StartRequest, "ttrpcAddress" | "grpcAddress" | "publishBinary">;

/** How events reach containerd: by its socket for them or, when it has not named one, by its program. */
export function eventSinks(
  context: PublishContext,
  { ttrpcAddress = "", grpcAddress, publishBinary }: Containerd,
): () => Promise<EventSink> {
  if (ttrpcAddress !== "") return () => connectEvents(ttrpcAddress.replace(/^unix:\/\//, ""));
  const forward = (envelope: Envelope) =>
    publishByProgram(context, publishBinary, grpcAddress, envelope);
  return async () => ({ forward, close: () => {} });
}

/** containerd's service for events. The caller closes it. */
export async function connectEvents(path: string): Promise<EventSink> {
  const client = await TtrpcClient.connect(path);
  const { fullName, methods } = EventsDefinition;
  return {
    forward: async (envelope) => {
      await client.call(fullName, methods.forward, { envelope }, { timeoutMs: answerTimeoutMs });
    },
    close: () => client.close(),
  };
}

/** `containerd publish`, which reads the event from its standard input. */
async function publishByProgram(
  { addon, launch, children }: PublishContext,
  program: string,
  address: string,
  { topic, namespace, event }: Envelope,
): Promise<void> {
  const flags = ["--topic", topic, "--namespace", namespace];
  const nothing = openFile("/dev/null", "readWrite");
  const { readFd, writeFd } = addon.openPipe();
  try {
    const { pid, pidfd } = addon.startProgram({
      path: program,
      args: [program, "--address", address, "publish", ...flags],
      env: Object.entries(launch.environment).map(([name, value]) => `${name}=${value}`),
      fds: [readFd, nothing, nothing],
      nofileSoft: launch.nofileSoft ?? -1n,
      bindSource: "",
      bindTarget: "",
    });
    children.add(pid);
    // Events are a few hundred bytes: a pipe takes them at once.
    if (event !== undefined) writeBytes(writeFd, Any.encode(event).finish());
    closeFile(writeFd);
    const { status } = await collectChild({ addon, children }, { pid, pidfd });
    if (status !== 0) throw new Error(`"${program} publish" ended with status ${status}`);
  } finally {
    closeFile(readFd);
    closeFile(nothing);
  }
}
