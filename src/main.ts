#!/usr/bin/env node
import { runCommandLine } from "./cli/run-command-line";
import { describeError } from "./errors/describe";
import { type LaunchFacts, readLaunchFacts } from "./host/launch-facts";
import { baseName } from "./spec/paths";

async function main(): Promise<number> {
  const facts = readLaunchFacts(process.env);
  if (baseName(facts.invokedAs).startsWith("containerd-shim-")) return runShim(facts);
  const surroundings = {
    // A working directory that is gone matters only to a command with a relative path.
    get cwd() {
      if (facts.lacksDirectory) throw new Error("the working directory is gone");
      return process.cwd();
    },
    get environment() {
      return facts.environment;
    },
    euid: process.geteuid?.() ?? 0,
    get inUserNamespace() {
      const { isInUserNamespace } =
        require("./host/user-namespace") as typeof import("./host/user-namespace");
      return isInUserNamespace();
    },
  };
  return runCommandLine(process.argv.slice(2), surroundings, facts);
}

/** The same driver under another name, as containerd looks for its shims. */
function runShim(facts: LaunchFacts): Promise<number> {
  const { locateAddon } = require("./addon/addon") as typeof import("./addon/addon");
  const { loadAside } = require("./host/aside") as typeof import("./host/aside");
  locateAddon(facts.libraryDir);
  return loadAside("shim").runShim(process.argv.slice(2), facts);
}

main().then(
  (status) => process.exit(status),
  (error) => {
    // The telling of a failure failed: a closed pipe, a full disk, or there is no native half to write with,
    // for want of descriptors say. There may be nobody to tell.
    try {
      const { writeSync } = require("node:fs") as typeof import("node:fs");
      writeSync(2, `tsoci: ${describeError(error)}\n`);
    } finally {
      process.exit(1);
    }
  },
);
