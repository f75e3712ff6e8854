import { rmSync } from "node:fs";
import type { Config } from "./config";
import { Container } from "./container";
import { isTsoci } from "./environment";
import { removeCgroups } from "./host";
import { waitFor } from "./wait";

export type MakeContainer = (edit?: (config: Config, container: Container) => void) => Container;

/**
 * Containers for the tests of one file. After each test they are deleted by force, and then nothing
 * of them may be left on the host.
 */
export function useContainers(): MakeContainer {
  const made: Container[] = [];

  afterEach(() => {
    const containers = made.splice(0);
    const left = containers.flatMap((container) => {
      container.attempt("delete", ["--force"]);
      return leftoversOf(container);
    });
    // Before the verdict: what a failed test leaves must not fail the ones after it.
    for (const container of containers) {
      removeCgroups(container.cgroupPath);
      rmSync(container.dir, { recursive: true, force: true });
    }
    // What another runtime leaves is not ours to judge: its tests may be there to fail.
    if (isTsoci) expect(left).toEqual([]);
  });

  return (edit) => {
    const container = new Container(edit);
    made.push(container);
    return container;
  };
}

/** A cgroup of version 1 may take a moment to be removable after its last process has gone. */
function leftoversOf(container: Container): string[] {
  try {
    waitFor("nothing to be left", () => container.leftovers().length === 0, 2_000);
    return [];
  } catch {
    return container.leftovers();
  }
}
