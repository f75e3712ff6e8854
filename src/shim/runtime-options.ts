export interface ShimOptions {
  root: string;
  systemdCgroup: boolean;
  shimCgroup: string;
  ioUid: number;
  ioGid: number;
  noPivotRoot: boolean;
  noNewKeyring: boolean;
  criuImagePath: string;
  criuWorkPath: string;
}

import { CheckpointOptions, Options } from "../generated/shim/options";
export function readOptions(
  anys: readonly { value: Uint8Array }[],
  warn: (m: string) => void,
): ShimOptions {
  const o = Options.decode(anys[0]?.value ?? new Uint8Array());
  return { ...o } as ShimOptions;
}
export function readCheckpointOptions(any: { value: Uint8Array } | undefined) {
  return CheckpointOptions.decode(any?.value ?? new Uint8Array());
}
