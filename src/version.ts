/** What this build says of itself. */
export interface Build {
  readonly version: string;
  /** The commit that it was made from. */
  readonly commit?: string;
  /** The libseccomp that is linked into the addon. */
  readonly libseccompVersion?: string;
}

// The build of the executable defines these (`--define`); plain tsc output has neither.
declare const TSOCI_COMMIT: string | undefined;
declare const TSOCI_LIBSECCOMP: string | undefined;

export const build: Build = {
  // Equal to package.json's; a test holds them together, so that no start reads a file for it.
  version: "0.1.0",
  ...(typeof TSOCI_COMMIT === "string" ? { commit: TSOCI_COMMIT } : {}),
  ...(typeof TSOCI_LIBSECCOMP === "string" ? { libseccompVersion: TSOCI_LIBSECCOMP } : {}),
};

/** The version of the OCI runtime specification that is implemented. */
export const specVersion = "1.3.0";
