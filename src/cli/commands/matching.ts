import { RuntimeError } from "../../errors/runtime-error";
import type { RuntimeOptions } from "../../lifecycle/requests";
import type { Flag } from "../flag";
import { UsageError } from "../usage-error";
import { checkedId } from "../values";

/** crun's way to name several containers at once. */
export const regexFlag = {
  name: "regex",
  short: "r",
  kind: "boolean",
  help: "take the id for a regular expression, and every container whose id it matches",
} as const satisfies Flag;

/** One container, or all whose ids match. */
export type Chosen = { readonly id: string } | { readonly pattern: RegExp };

export function chosenBy(text: string, isRegex: boolean): Chosen {
  if (!isRegex) return { id: checkedId(text) };
  try {
    return { pattern: new RegExp(text) };
  } catch {
    throw new UsageError(`${JSON.stringify(text)} is no regular expression`);
  }
}

/** Does something to each container that was chosen. What fails for one does not spare the others. */
export function forChosen(
  runtime: RuntimeOptions,
  chosen: Chosen,
  operation: (id: string) => void,
): void {
  if ("id" in chosen) {
    operation(chosen.id);
    return;
  }
  const failed: { readonly id: string; readonly cause: unknown }[] = [];
  const { listContainers } =
    require("../../lifecycle/list") as typeof import("../../lifecycle/list");
  for (const { id } of listContainers(runtime)) {
    if (!chosen.pattern.test(id)) continue;
    try {
      operation(id);
    } catch (cause) {
      failed.push({ id, cause });
    }
  }
  const [first] = failed;
  if (first === undefined) return;
  const code = first.cause instanceof RuntimeError ? first.cause.code : "HOST_FAILED";
  const ids = failed.map(({ id }) => JSON.stringify(id)).join(", ");
  throw new RuntimeError(code, ids, { cause: first.cause });
}
