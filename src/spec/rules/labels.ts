import { askedOfCrun, crunAnnotations, mountContextTypes } from "../crun-annotations";
import { quote, type Rule } from "../rule";

/** No label that a policy can have: in the options of a mount it would end the label, and begin another option. */
const noContext = /["\\\s\p{Cc}]/u;

const selinuxLabelsWhole: Rule = {
  id: "selinux-labels-whole",
  clause: "config-linux.md#mount-label",
  severity: "error",
  *check(config) {
    const labels = {
      "/process/selinuxLabel": config.process?.selinuxLabel,
      "/linux/mountLabel": config.linux?.mountLabel,
    };
    for (const [pointer, label = ""] of Object.entries(labels)) {
      if (!noContext.test(label)) continue;
      const message = `is ${quote(label)}, and must have no quotes, backslashes, blanks or control characters`;
      yield { pointer, message };
    }
  },
};

/** It is written to the kernel behind a command, which ends with the line. */
const apparmorProfileWhole: Rule = {
  id: "apparmor-profile-whole",
  clause: "config.md#linux-process",
  severity: "error",
  about: ["process", "apparmorProfile"],
  *check(config) {
    const profile = config.process?.apparmorProfile ?? "";
    if (!/^\s|\s$|\p{Cc}/u.test(profile)) return;
    const message = `is ${quote(profile)}, and must have no control characters, nor blanks at its ends`;
    yield { pointer: "/process/apparmorProfile", message };
  },
};

/** It becomes the name of a mount option. */
const mountContextTypeKnown: Rule = {
  id: "mount-context-type-known",
  clause: "config.md#annotations",
  severity: "error",
  about: ["annotations"],
  *check({ annotations }) {
    const type = askedOfCrun(annotations, "mountContextType");
    if (type === undefined || mountContextTypes.some((known) => known === type)) return;
    const pointer = `/annotations/${crunAnnotations.mountContextType}`;
    const message = `is ${quote(type)}, and must be one of ${mountContextTypes.map(quote).join(", ")}`;
    yield { pointer, message };
  },
};

export const labelRules: readonly Rule[] = [
  selinuxLabelsWhole,
  apparmorProfileWhole,
  mountContextTypeKnown,
];
