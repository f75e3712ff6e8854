import { RuntimeError } from "../../errors/runtime-error";
import type { Mount } from "../../generated/config";
import { readInput } from "../../host/files";
import { changeMounts } from "../../lifecycle/live-mounts";
import { maxConfigBytes } from "../../spec/parse-config";
import { parseMounts } from "../../spec/parse-mounts";
import { summarizeIssues, warningsOf } from "../../spec/report";
import { defineCommand } from "../define-command";
import { quoted } from "../quoted";
import { UsageError } from "../usage-error";
import { against, checkedId } from "../values";

export const mounts = defineCommand({
  positionals: "<add|remove> <container-id> <file>",
  least: 3,
  most: 3,
  flagsAnywhere: true,
  summary: "mount into a container that lives, or unmount",
  description:
    'The file holds a JSON list of mounts, as a config.json has one. With "add" either all of them come into the container or none does; their sources are the host\'s, and relative ones count from the bundle. With "remove" what is mounted on their destinations is unmounted, the last first.',
  flags: [],
  read: (_, [action, id = "", file = ""], surroundings) => ({
    action: checkedAction(action),
    id: checkedId(id),
    file: against(surroundings, file),
  }),
  run({ action, id, file }, { runtime }) {
    changeMounts(runtime, id, action, readMounts(file, runtime.warn));
    return 0;
  },
});

function checkedAction(word: string): "add" | "remove" {
  if (word === "add" || word === "remove") return word;
  throw new UsageError(`${quoted(word)} is no action of mounts: expected "add" or "remove"`);
}

function readMounts(file: string, warn: (message: string) => void): readonly Mount[] {
  let text: string;
  try {
    text = readInput(file, maxConfigBytes);
  } catch (cause) {
    throw new RuntimeError("CONFIG_INVALID", `read the mounts in ${JSON.stringify(file)}`, {
      cause,
    });
  }
  const parsed = parseMounts(text);
  if (!parsed.ok) throw new RuntimeError("CONFIG_INVALID", summarizeIssues(parsed.issues, file));
  for (const warning of warningsOf(parsed.warnings)) warn(warning);
  return parsed.mounts;
}
