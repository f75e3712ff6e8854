import { RuntimeError } from "../../errors/runtime-error";
import type { Resources } from "../../generated/config";
import { decodeInput, readInput, readToEnd } from "../../host/files";
import { updateContainer } from "../../lifecycle/update";
import { maxConfigBytes } from "../../spec/parse-config";
import { parseResources } from "../../spec/parse-resources";
import { defineCommand, oneId } from "../define-command";
import { flagsWithoutEffect, readResourceFlags, resourceFlags } from "../resource-flags";
import { against, checkedId } from "../values";

const standardInput = 0;

export const update = defineCommand({
  ...oneId,
  summary: "change the limits of a container",
  description:
    "Applies what the flags name, and leaves everything else as it is. A file is read first, and flags count more. Device rules in it are left out.",
  flags: [
    {
      name: "resources",
      short: "r",
      kind: "string",
      placeholder: "file",
      help: 'JSON of linux.resources, as config.json has it; "-" is standard input',
    },
    ...resourceFlags,
    {
      name: "l3-cache-schema",
      kind: "string",
      placeholder: "schema",
      help: "schema of the L3 cache for the container's class of Intel RDT",
    },
    {
      name: "mem-bw-schema",
      kind: "string",
      placeholder: "schema",
      help: "schema of memory bandwidth for the container's class of Intel RDT",
    },
  ],
  read: (values, [id], surroundings) => ({
    id: checkedId(id),
    file: resourcesFile(values.text("resources"), surroundings),
    resources: readResourceFlags(values),
    withoutEffect: flagsWithoutEffect(values),
    rdt: {
      l3CacheSchema: values.text("l3-cache-schema") ?? "",
      memBwSchema: values.text("mem-bw-schema") ?? "",
    },
  }),
  run({ id, file, resources, withoutEffect, rdt }, { runtime }) {
    for (const flag of withoutEffect) {
      runtime.warn(`--${flag} has no effect: kernel memory settings are ignored`);
    }
    const asked = file === undefined ? resources : overlay(readResources(file), resources);
    updateContainer(runtime, id, asked, rdt);
    return 0;
  },
});

function resourcesFile(name: string | undefined, surroundings: { readonly cwd: string }) {
  if (name === undefined || name === "") return undefined;
  return name === "-" ? "-" : against(surroundings, name);
}

/** A pipe serves as well as a file: shells make one of `<(...)`. */
function readResources(file: string): Resources {
  const name = file === "-" ? "standard input" : JSON.stringify(file);
  let text: string;
  try {
    text =
      file === "-"
        ? decodeInput(readToEnd(standardInput, maxConfigBytes), "standard input")
        : readInput(file, maxConfigBytes);
  } catch (cause) {
    throw new RuntimeError("CONFIG_INVALID", `read the resources in ${name}`, { cause });
  }
  const parsed = parseResources(text);
  if (!parsed.ok) {
    const { summarizeIssues } = require("../../spec/report") as typeof import("../../spec/report");
    throw new RuntimeError("CONFIG_INVALID", summarizeIssues(parsed.issues, name));
  }
  // Engines send the rules of config.json again, which know nothing of devices that were added since.
  const { devices: _, ...resources } = parsed.resources;
  return resources;
}

/** Member by member, as flags name single properties. */
function overlay(below: Resources, above: Resources): Resources {
  const { memory, cpu, pids, blockIO } = above;
  return {
    ...below,
    ...(memory === undefined ? {} : { memory: { ...below.memory, ...memory } }),
    ...(cpu === undefined ? {} : { cpu: { ...below.cpu, ...cpu } }),
    ...(pids === undefined ? {} : { pids: { ...below.pids, ...pids } }),
    ...(blockIO === undefined ? {} : { blockIO: { ...below.blockIO, ...blockIO } }),
  };
}
