import { RuntimeError } from "../errors/runtime-error";
import { Any } from "../generated/shim/any";
import { BootstrapParams, LogLevel } from "../generated/shim/bootstrap";
import type { ShimArguments } from "./arguments";

/** What `start` is asked for, by the command line, the environment and standard input together. */
export interface StartRequest {
  readonly id: string;
  readonly namespace: string;
  readonly grpcAddress: string;
  /** Where events go; undefined when containerd did not say, and only its program can publish. */
  readonly ttrpcAddress: string | undefined;
  readonly publishBinary: string;
  readonly debug: boolean;
  /** What the user set for the runtime, of whatever kinds. */
  readonly options: readonly Any[];
}

/**
 * Reads standard input: BootstrapParams since containerd 2.3, before that one Any with options, or nothing.
 *
 * Bytes of one message can often be decoded as another, and no variable tells the version: what counts is
 * that id and namespace are those of the command line. Throws USAGE when it is neither.
 */
export function readStartRequest(
  args: ShimArguments,
  variable: (name: string) => string | undefined,
  input: Uint8Array,
): StartRequest {
  const common = {
    id: args.id,
    namespace: args.namespace,
    publishBinary: args.publishBinary,
    debug: args.debug,
  };
  const params = bootstrapParams(args, input);
  if (params !== undefined) {
    return {
      ...common,
      grpcAddress: params.containerdGrpcAddress || args.grpcAddress,
      ttrpcAddress: params.containerdTtrpcAddress || variable("TTRPC_ADDRESS"),
      publishBinary: params.containerdBinary || args.publishBinary,
      debug: args.debug || params.logLevel <= LogLevel.DEBUG,
      options: params.extensions.flatMap(({ value }) => (value === undefined ? [] : [value])),
    };
  }
  return {
    ...common,
    grpcAddress: args.grpcAddress || (variable("GRPC_ADDRESS") ?? ""),
    ttrpcAddress: variable("TTRPC_ADDRESS"),
    options: optionsIn(input),
  };
}

function bootstrapParams(args: ShimArguments, input: Uint8Array): BootstrapParams | undefined {
  let params: BootstrapParams;
  try {
    params = BootstrapParams.decode(input);
  } catch {
    // The older form; `optionsIn` says so when it is not that either.
    return undefined;
  }
  const isOurs = params.instanceId === args.id && params.namespace === args.namespace;
  return isOurs ? params : undefined;
}

function optionsIn(input: Uint8Array): readonly Any[] {
  if (input.length === 0) return [];
  let options: Any;
  try {
    options = Any.decode(input);
  } catch (cause) {
    const expected = "expected nothing, options, or the parameters of this container";
    const message = `standard input has ${input.length} bytes, ${expected}`;
    throw new RuntimeError("USAGE", message, { cause });
  }
  return options.typeUrl === "" ? [] : [options];
}
