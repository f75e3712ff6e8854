import { loadAddon, locateAddon } from "../addon/addon";
import { describeError } from "../errors/describe";
import { readToEnd } from "../host/files";
import type { LaunchFacts } from "../host/launch-facts";
import { writeAll, writeAllBytes } from "../host/write-all";
import { build } from "../version";
import { readShimArguments, type ShimAction, type ShimArguments } from "./arguments";
import { withoutManager } from "./launch-facts";
import { maxInputBytes, serve, start } from "./start";

type Settings = Parameters<typeof start>[1];

const actions: Readonly<
  Record<ShimAction, (args: ShimArguments, settings: Settings, bundle: string) => Promise<void>>
> = {
  start,
  serve,
  delete: async (args, settings, bundle) => {
    const { cleanUp } = require("./delete") as typeof import("./delete");
    writeAllBytes(1, cleanUp(args, settings, bundle));
  },
  info: async () => {
    const { describeShim } = require("./info") as typeof import("./info");
    writeAllBytes(1, describeShim(readToEnd(0, maxInputBytes)));
  },
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
