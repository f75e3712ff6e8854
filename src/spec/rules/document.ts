import { quote, type Rule } from "../rule";

/** Semantic Versioning 2.0.0, with its three groups of dotted identifiers. */
const semanticVersion =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*)?(?:\+[\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*)?$/;

/** What nearly every document says, so that none of them pays for an expression: the first one takes 0.1 ms. */
const usualVersions = ["1.0.0", "1.0.1", "1.0.2", "1.0.2-dev", "1.1.0", "1.2.0", "1.2.1", "1.3.0"];

/** A newer minor version only adds what an older runtime may leave out, so any 1.x will do. */
const versionSupported: Rule = {
  id: "version-supported",
  clause: "config.md#specification-version",
  severity: "error",
  *check({ ociVersion }) {
    if (ociVersion === undefined || usualVersions.includes(ociVersion)) return;
    const major = semanticVersion.exec(ociVersion)?.[1];
    const pointer = "/ociVersion";
    if (major === undefined) {
      yield {
        pointer,
        message: `is ${quote(ociVersion)}, and must be a semantic version, as "1.3.0"`,
      };
    } else if (major !== "1") {
      yield { pointer, message: `is ${quote(ociVersion)}, and must have the major version 1` };
    }
  },
};

export const documentRules: readonly Rule[] = [versionSupported];
