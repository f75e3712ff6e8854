import { RuntimeError } from "../errors/runtime-error";
import { Any } from "../generated/shim/any";
import { RuntimeInfo } from "../generated/shim/types";
import { features } from "../spec/features";
import { build } from "../version";

/** What containerd calls us: it makes the name of the shim's program of it. */
const runtimeName = "io.containerd.tsoci.v2";

const featuresKind = "types.containerd.io/opencontainers/runtime-spec/1/features/Features";

/**
 * What `-info` prints: a message that says what this shim is, and what `features` says of the runtime. `input` is what
 * standard input had, options in an Any or nothing, which are given back as they are: their mistakes `start` tells.
 * Throws USAGE when it is neither.
 */
export function describeShim(input: Uint8Array): Uint8Array {
  return RuntimeInfo.encode({
    name: runtimeName,
    version: { version: build.version, revision: build.commit ?? "" },
    options: input.length === 0 ? undefined : optionsIn(input),
    features: {
      typeUrl: featuresKind,
      value: new TextEncoder().encode(JSON.stringify(features(build))),
    },
    annotations: {},
  }).finish();
}

function optionsIn(input: Uint8Array): Any {
  try {
    return Any.decode(input);
  } catch (cause) {
    const message = `standard input has ${input.length} bytes, expected nothing or options`;
    throw new RuntimeError("USAGE", message, { cause });
  }
}
