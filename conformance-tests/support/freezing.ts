import { statSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "./config";
import type { Container } from "./container";
import { freezeCgroup, isCgroupFrozen } from "./host";
import { waitFor } from "./wait";

/** How far the processes of a container have come: the program, and a child of it. */
export type Counts = () => readonly number[];

/** Makes the container's program one that counts for ever, as a child of it does: each writes a byte for each time. */
export function countForEver(box: Container): Counts {
  const dir = box.share("/counted");
  const [program, child] = ["program", "child"].map((name) => ({
    file: join(dir, name),
    loop: `while :; do echo; done >/counted/${name}`,
  }));
  processOf(box.config).args = ["/bin/sh", "-c", `(${child?.loop}) & ${program?.loop}`];
  box.writeConfig();
  const sizeOf = (file = "") => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return () => [sizeOf(program?.file), sizeOf(child?.file)];
}

/** Freezes the cgroup of a container that counts, and thaws it again: nothing goes on in between. */
export function expectFreezing(box: Container, counts: Counts, cgroupPath: string): void {
  const waitUntilAllCount = (since: readonly number[]) =>
    waitFor("both to count", () => counts().every((count, index) => count > (since[index] ?? 0)));
  waitUntilAllCount([]);

  const thaw = freezeCgroup(cgroupPath);
  waitFor("the kernel to say frozen", () => isCgroupFrozen(cgroupPath));
  const frozen = counts();
  expect(box.state().status).toBe("paused");
  expect(counts()).toEqual(frozen);

  thaw();
  waitUntilAllCount(frozen);
  expect(box.state().status).toBe("running");
}
