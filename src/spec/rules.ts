import type { Rule } from "./rule";
import { documentRules } from "./rules/document";
import { labelRules } from "./rules/labels";
import { linuxRules } from "./rules/linux";
import { mountRules } from "./rules/mounts";
import { namespaceRules } from "./rules/namespaces";
import { processRules } from "./rules/process";
import { resourceRules } from "./rules/resources";
import { seccompRules } from "./rules/seccomp";
import { sysctlRules } from "./rules/sysctl";

/** All that a config.json must hold to besides its schema. None of them looks at the machine. */
export const rules: readonly Rule[] = [
  ...documentRules,
  ...processRules,
  ...mountRules,
  ...namespaceRules,
  ...sysctlRules,
  ...linuxRules,
  ...labelRules,
  ...resourceRules,
  ...seccompRules,
];
