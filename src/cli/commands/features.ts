import { features as describeFeatures } from "../../spec/features";
import { build } from "../../version";
import { defineCommand, nothing } from "../define-command";
import { formatFeatures, print } from "../output";

export const features = defineCommand({
  ...nothing,
  summary: "print what this runtime can do",
  description: "Prints the features document of the specification as JSON.",
  flags: [],
  read: () => ({}),
  run: () => print(formatFeatures(describeFeatures(build))),
});
