import { isThere } from "../host/files";

/** Says which configuration file of CRIU is read last, and so wins; empty for none. runc's name. */
const annotation = "org.criu.config";

/** The first that is there is the one. */
const defaultFiles = ["/etc/criu/tsoci.conf", "/etc/criu/runc.conf"];

/** What CRIU is to read besides its own `/etc/criu/default.conf`; undefined for nothing. */
export function criuConfigFile(annotations: Readonly<Record<string, string>>): string | undefined {
  const named = annotations[annotation];
  if (named !== undefined) return named === "" ? undefined : named;
  return defaultFiles.find((path) => isThere(path));
}
