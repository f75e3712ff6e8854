import { RuntimeError } from "../../errors/runtime-error";
import type { RuntimeOptions } from "../../lifecycle/requests";
import { updateContainer } from "../../lifecycle/update";
import { parseResources } from "../../spec/parse-resources";
import { summarizeIssues } from "../../spec/report";

/** Applies `linux.resources`, given as JSON. Throws CONFIG_INVALID, and what an update throws. */
export function updateResources(runtime: RuntimeOptions, id: string, text: string): void {
  const parsed = parseResources(text);
  if (!parsed.ok) {
    throw new RuntimeError("CONFIG_INVALID", summarizeIssues(parsed.issues, "resources"));
  }
  updateContainer(runtime, id, parsed.resources);
}
