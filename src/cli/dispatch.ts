import { errorCodes } from "../errors/codes";
import { describeError } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { loadAside } from "../host/aside";
import { listDirectory } from "../host/files";
import { writeAll } from "../host/write-all";
import type { RuntimeOptions } from "../lifecycle/requests";
import { build } from "../version";
import type { Command, GlobalOptions } from "./command";
import {
  formatFeatures,
  formatListJson,
  formatListQuiet,
  formatListTable,
  formatState,
  formatVersion,
} from "./output";

/** What carries out a command besides the command itself. */
export interface DispatchContext {
  readonly globals: GlobalOptions;
  readonly runtime: RuntimeOptions;
  /** What the program calls itself. */
  readonly program: string;
}

type CommandOf<Name extends Command["name"]> = Extract<Command, { name: Name }>;
type Operations = {
  readonly [Name in Command["name"]]: (
    command: CommandOf<Name>,
    context: DispatchContext,
  ) => number | Promise<number>;
};

const standardOutput = 1;

/**
 * What a command needs, loaded when it is the one: what is not used costs no time.
 * `require`, because `import()` wants file extensions here, and would make every command asynchronous.
 */
const load = {
  create: () => require("../lifecycle/create") as typeof import("../lifecycle/create"),
  start: () => require("../lifecycle/start") as typeof import("../lifecycle/start"),
  run: () => require("../lifecycle/run") as typeof import("../lifecycle/run"),
  kill: () => require("../lifecycle/kill") as typeof import("../lifecycle/kill"),
  delete: () => require("../lifecycle/delete") as typeof import("../lifecycle/delete"),
  state: () => require("../lifecycle/state") as typeof import("../lifecycle/state"),
  list: () => require("../lifecycle/list") as typeof import("../lifecycle/list"),
  explain: () => require("../lifecycle/explain") as typeof import("../lifecycle/explain"),
  validate: () => require("./validate") as typeof import("./validate"),
  writeSpec: () => require("./write-spec") as typeof import("./write-spec"),
  features: () => require("../spec/features") as typeof import("../spec/features"),
  help: () => loadAside("help"),
};

const operations: Operations = {
  create({ request }, { runtime }) {
    const { createContainer } = load.create();
    within(`create "${request.id}"`, () => createContainer(runtime, request));
    return 0;
  },
  start({ request }, { runtime }) {
    const { startContainer } = load.start();
    within(`start "${request.id}"`, () => startContainer(runtime, request));
    return 0;
  },
  run({ request }, { runtime }) {
    const { runContainer } = load.run();
    return within(`run "${request.id}"`, () => runContainer(runtime, request));
  },
  kill({ request }, { runtime }) {
    const { killContainer } = load.kill();
    within(`kill "${request.id}"`, () => killContainer(runtime, request));
    return 0;
  },
  delete({ request }, { runtime }) {
    const { deleteContainer } = load.delete();
    within(`delete "${request.id}"`, () => deleteContainer(runtime, request));
    return 0;
  },
  state({ id }, { runtime }) {
    const { readState } = load.state();
    const state = within(`state "${id}"`, () => readState(runtime, id));
    writeAll(standardOutput, formatState(state));
    return 0;
  },
  list({ format, quiet }, { globals, runtime }) {
    const { listContainers } = load.list();
    if (globals.stateRootGiven) within("list", () => assertDirectory(globals.stateRoot));
    const states = within("list", () => listContainers(runtime));
    const formatList = quiet
      ? formatListQuiet
      : format === "json"
        ? formatListJson
        : formatListTable;
    writeAll(standardOutput, formatList(states));
    return 0;
  },
  spec({ bundleDir, rootless }) {
    const { writeSpec } = load.writeSpec();
    const ids = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    within("spec", () => writeSpec({ bundleDir, rootless, ...ids }));
    return 0;
  },
  features() {
    const { features } = load.features();
    writeAll(standardOutput, formatFeatures(features(build)));
    return 0;
  },
  validate({ bundleDir, format }) {
    const { validateBundle } = load.validate();
    const { valid, report } = within("validate", () => validateBundle(bundleDir, format));
    writeAll(standardOutput, report);
    return valid ? 0 : errorCodes.CONFIG_INVALID.exitCode;
  },
  explain({ bundleDir, format }, { globals: { systemdCgroup } }) {
    const { explainBundle, formatExplanation } = load.explain();
    const explanation = within("explain", () => explainBundle(bundleDir, { systemdCgroup }));
    writeAll(standardOutput, formatExplanation(explanation, format));
    return 0;
  },
  async help({ topic }, { program }) {
    const { formatHelp } = load.help();
    writeAll(standardOutput, await formatHelp(program, topic));
    return 0;
  },
  version(_command, { program }) {
    writeAll(standardOutput, formatVersion(program));
    return 0;
  },
};

/** Carries out a command. Returns the process's exit status. */
export function dispatch(command: Command, context: DispatchContext): number | Promise<number> {
  // The table pairs each name with its own command; TypeScript cannot follow that through an index.
  const operation = operations[command.name] as (
    command: Command,
    context: DispatchContext,
  ) => number | Promise<number>;
  return operation(command, context);
}

/** Says in front of a failure which operation it ended, unless the operation has said so itself. */
function within<Result>(doing: string, operation: () => Result): Result {
  try {
    return operation();
  } catch (cause) {
    if (describeError(cause).startsWith(doing)) throw cause;
    const code = cause instanceof RuntimeError ? cause.code : "HOST_FAILED";
    throw new RuntimeError(code, doing, { cause });
  }
}

/** A state root that the caller named and that is not there is a slip, and not an empty list. */
function assertDirectory(stateRoot: string): void {
  listDirectory(stateRoot);
}
