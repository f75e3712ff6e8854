import type { Flag } from "../cli/flag";
import { scanFlags } from "../cli/scan";
import { RuntimeError } from "../errors/runtime-error";

/** The command line of a shim, as containerd's runtime v2 writes it: flags, then what to do. */
const flags = [
  { name: "namespace", kind: "string", help: "containerd's namespace of the container" },
  { name: "id", kind: "string", help: "the container" },
  { name: "address", kind: "string", help: "socket of containerd's GRPC services" },
  { name: "publish-binary", kind: "string", help: "program that publishes events" },
  { name: "bundle", kind: "string", help: "bundle of the container" },
  { name: "socket", kind: "string", help: "socket to serve on" },
  { name: "debug", kind: "boolean", help: "log more" },
  { name: "info", kind: "boolean", help: "print what this shim is" },
  { name: "v", kind: "boolean", help: "print the version" },
] as const satisfies readonly Flag[];

/** What a shim is started for: without a word it is the shim itself, which serves. */
export type ShimAction = "start" | "delete" | "serve" | "info" | "version";

export interface ShimArguments {
  readonly action: ShimAction;
  /** Of the container that it was started for. */
  readonly id: string;
  readonly namespace: string;
  /** Empty when containerd did not say. */
  readonly grpcAddress: string;
  readonly publishBinary: string;
  /** The working directory when it is not said. */
  readonly bundleDir: string | undefined;
  readonly socketPath: string | undefined;
  readonly debug: boolean;
}

/** Throws USAGE, with what was found and what was expected. */
export function readShimArguments(args: readonly string[]): ShimArguments {
  const fail = (message: string) => new RuntimeError("USAGE", message);
  const { positionals, values } = scanFlags(args, flags, { flagsAnywhere: true, fail });
  const read: ShimArguments = {
    action: values.isSet("v") ? "version" : values.isSet("info") ? "info" : actionOf(positionals),
    id: values.text("id") ?? "",
    namespace: values.text("namespace") ?? "",
    grpcAddress: values.text("address") ?? "",
    publishBinary: values.text("publish-binary") ?? "",
    bundleDir: values.text("bundle"),
    socketPath: values.text("socket"),
    debug: values.isSet("debug"),
  };
  if (read.action === "version" || read.action === "info") return read;
  for (const name of ["id", "namespace"] as const) {
    if (read[name] === "") throw fail(`flag needs to be given: -${name}`);
  }
  return read;
}

function actionOf(positionals: readonly string[]): ShimAction {
  const [word, extra] = positionals;
  if (extra !== undefined) {
    throw new RuntimeError("USAGE", `there is ${JSON.stringify(extra)} after what to do`);
  }
  if (word === undefined || word === "") return "serve";
  if (word === "start" || word === "delete") return word;
  const found = JSON.stringify(word);
  throw new RuntimeError("USAGE", `what to do is ${found}, expected "start" or "delete"`);
}
