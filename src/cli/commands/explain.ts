import { explainBundle, formatExplanation } from "../../lifecycle/explain";
import type { ReportFormat } from "../command-line";
import { defineCommand } from "../define-command";
import { print } from "../output";
import { bundleFlag } from "./creation";
import { oneBundle, onlyBundle, reportFormatFlag } from "./one-bundle";

export const explain = defineCommand({
  ...oneBundle,
  summary: "print what create would do, step by step",
  description:
    "Prints each step in its order, with the property it comes from and the system call that does it. Changes nothing.",
  flags: [bundleFlag, reportFormatFlag],
  read: (values, [bundle], surroundings) => ({
    bundleDir: onlyBundle(values.text("bundle"), bundle, surroundings),
    format: values.text("format") as ReportFormat,
  }),
  run({ bundleDir, format }, { globals: { systemdCgroup } }) {
    const explanation = explainBundle(bundleDir, { systemdCgroup });
    return print(formatExplanation(explanation, format));
  },
});
