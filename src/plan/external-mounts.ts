import type { PlannedStep } from "./context";

/** Something of the host, and where in the container it is mounted. */
export interface ExternalMount {
  readonly target: string;
  /** On the host; absolute. */
  readonly source: string;
}

/** What a plan mounts from outside: bind mounts, and devices that may not be made. */
export function externalMounts(steps: readonly PlannedStep[]): ExternalMount[] {
  const mounts: ExternalMount[] = [];
  for (const { step } of steps) {
    if (step.op === "bindMount") mounts.push({ target: step.target, source: step.source });
    if (step.op === "bindDevice") mounts.push({ target: step.path, source: step.source });
  }
  return mounts;
}

/** What the record keeps of a plan's mounts. */
export function mountPoints(steps: readonly PlannedStep[]): {
  readonly boundPaths: readonly string[];
  readonly maskedPaths: readonly string[];
} {
  const maskedPaths: string[] = [];
  for (const { step } of steps) if (step.op === "maskPath") maskedPaths.push(step.path);
  return { boundPaths: externalMounts(steps).map(({ target }) => target), maskedPaths };
}
