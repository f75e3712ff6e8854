import { loadAddon, locateAddon } from "../addon/addon";
import { describeError } from "../errors/describe";
import { readToEnd, writeBytes } from "../host/files";
import type { LaunchFacts } from "../host/launch-facts";
import { writeAll } from "../host/write-all";
import { libraryLaunchFacts } from "../library/launch-facts";
import { build } from "../version";
import { readShimArguments, type ShimAction, type ShimArguments } from "./arguments";
import { cleanUp } from "./delete";
import { describeShim } from "./info";
import { maxInputBytes, serve, start } from "./start";

type Settings = Parameters<typeof start>[1];

const actions: Readonly<
  Record<ShimAction, (args: ShimArguments, settings: Settings, bundle: string) => Promise<void>>
> = {
  start,
  serve,
  delete: async (args, settings, bundle) => tell(cleanUp(args, settings, bundle)),
  info: async () => tell(describeShim(readToEnd(0, maxInputBytes))),
  version: async () => writeAll(1, `containerd-shim-tsoci-v2 version ${build.version}\n`),
};

/** The shim as a program: peers.md. Returns its exit status. */
export async function runShim(argv: readonly string[], facts: LaunchFacts): Promise<number> {
  // Beside the driver, this is a bundle with modules of its own.
  locateAddon(facts.libraryDir);
  try {
    const args = readShimArguments(argv);
    const settings = { addon: loadAddon(), launch: withoutManager(facts) };
    await actions[args.action](args, settings, args.bundleDir ?? process.cwd());
    return 0;
  } catch (error) {
    writeAll(2, `containerd-shim-tsoci-v2: ${describeError(error)}\n`);
    return 1;
  }
}

function tell(answer: Uint8Array): void {
  for (let at = 0; at < answer.length; ) at += writeBytes(1, answer.subarray(at));
}

/** What a service manager told containerd is not for its shims: a container would answer in its place. */
function withoutManager(facts: LaunchFacts): LaunchFacts {
  const { environment, nofileSoft, libraryDir, shimListener } = facts;
  return {
    ...libraryLaunchFacts(environment),
    ...(shimListener === undefined ? {} : { shimListener }),
    ...(nofileSoft === undefined ? {} : { nofileSoft }),
    ...(libraryDir === undefined ? {} : { libraryDir }),
  };
}
