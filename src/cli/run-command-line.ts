import { loadAddon, locateAddon } from "../addon/addon";
import type { LaunchFacts } from "../host/launch-facts";
import { Log } from "../log/log";
import { type CommandLineHead, parseCommand, parseHead } from "./args";
import type { Surroundings } from "./command-line";
import { dispatch } from "./dispatch";
import { programName } from "./program-name";

/** Reads the command line, does what it asks, tells of a failure. Returns the exit status. */
export async function runCommandLine(
  argv: readonly string[],
  surroundings: Surroundings,
  facts: LaunchFacts,
): Promise<number> {
  locateAddon(facts.libraryDir);
  const program = programName(facts.invokedAs);
  let head: CommandLineHead;
  let log: Log;
  try {
    head = parseHead(argv, surroundings);
    log = await openLog(head, program);
  } catch (error) {
    // No log can be had, or it is not known which: standard error it is.
    const { reportFailure } = loadFailure();
    return reportFailure(
      error,
      await Log.open({ format: "text", debug: false, programName: program }),
      program,
    );
  }
  try {
    log.debug("begin", { args: argv, root: head.globals.stateRoot });
    const command = parseCommand(head, surroundings);
    const runtime = {
      stateRoot: head.globals.stateRoot,
      warn: log.warn,
      rootless: head.globals.rootless,
      ...(head.globals.debug ? { debug: log.debug } : {}),
      systemdCgroup: head.globals.systemdCgroup,
      withoutCgroups: head.globals.withoutCgroups === true,
      launch: facts,
      // Half of the commands never need it, and loading it takes longer than they do.
      get addon() {
        return loadAddon();
      },
    };
    const status = await dispatch(command, { globals: head.globals, runtime, program });
    log.finish();
    return status;
  } catch (error) {
    const { reportFailure } = loadFailure();
    return await reportFailure(error, log, program);
  } finally {
    log.debug("end");
  }
}

function loadFailure() {
  return require("./failure") as typeof import("./failure");
}

function openLog({ globals }: CommandLineHead, programName: string): Promise<Log> {
  const { logFile, logFormat: format, debug } = globals;
  return Log.open({
    format,
    debug,
    programName,
    ...(logFile === undefined ? {} : { file: logFile }),
  });
}
