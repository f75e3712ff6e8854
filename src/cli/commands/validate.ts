import { errorCodes } from "../../errors/codes";
import type { ReportFormat } from "../command-line";
import { defineCommand } from "../define-command";
import { print } from "../output";
import { validateBundle } from "../validate";
import { bundleFlag } from "./creation";
import { oneBundle, onlyBundle, reportFormatFlag } from "./one-bundle";

export const validate = defineCommand({
  ...oneBundle,
  summary: "check a bundle's config.json",
  description:
    "Prints every problem with its place in config.json and the clause of the specification. Exits with 1 if there is one.",
  flags: [bundleFlag, reportFormatFlag],
  read: (values, [bundle], surroundings) => ({
    bundleDir: onlyBundle(values.text("bundle"), bundle, surroundings),
    format: values.text("format") as ReportFormat,
  }),
  run({ bundleDir, format }) {
    const { valid, report } = validateBundle(bundleDir, format);
    print(report);
    return valid ? 0 : errorCodes.CONFIG_INVALID.exitCode;
  },
});
