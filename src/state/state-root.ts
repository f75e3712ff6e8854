import { cleanPath } from "../spec/paths";

/** Where containers' state is when the caller names no place: lost at a reboot, as the containers are. */
export function defaultStateRoot(
  environment: Readonly<Record<string, string | undefined>>,
  euid: number,
): string {
  const runtimeDir = environment.XDG_RUNTIME_DIR;
  return euid !== 0 && runtimeDir ? cleanPath(`${runtimeDir}/tsoci`) : "/run/tsoci";
}
