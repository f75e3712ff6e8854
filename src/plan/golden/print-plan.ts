import type { ContainerPlan } from "../plan";

/** One step a line, so that a change of the plan is a change of a line. */
export function printPlan(plan: ContainerPlan): string {
  const text = (value: unknown) =>
    JSON.stringify(value, (_, item) => (typeof item === "bigint" ? `${item}n` : item));
  const lines = plan.steps.map(
    ({ step, property }) => `${text(step)}${property === "" ? "" : `  # ${property}`}`,
  );
  return [
    `clone flags 0x${plan.cloneFlags.toString(16)}`,
    ...plan.descriptors.map((request, index) => `descriptor ${index} ${text(request)}`),
    ...lines,
    `driver ${text(plan.driver)}`,
    "",
  ].join("\n");
}
