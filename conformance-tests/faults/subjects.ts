import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { processOf } from "../support/config";
import { Container } from "../support/container";
import { isTsoci, repositoryDir } from "../support/environment";
import { removeCgroups } from "../support/host";
import { suiteOf } from "../support/shows";
import { everything, namespaced } from "./fault-bundles";
import { endingScenarios, type Making, makingScenarios, runningScenarios } from "./scenarios";
import type { Scenario } from "./sweep";

export const faultsDir = join(repositoryDir, "build/faults");

/** What is here is about tsoci's own calls: no other runtime has a build for it. */
export const faultSuite = (name: string, body: () => void) => {
  if (isTsoci) suiteOf(["root", "a compiler"], name, body);
};

export function buildFaults(): void {
  const build = join(repositoryDir, "conformance-tests/faults/build.sh");
  execFileSync(build, [faultsDir], { stdio: ["ignore", "ignore", "inherit"] });
}

/** Where a first call is told from a second one: see `targets`. */
export const seed = Number(process.env.TSOCI_FAULT_SEED ?? 0);

/** Removes what is left of a container that its test has deleted already. */
export function discard(box: Container): void {
  removeCgroups(box.cgroupPath);
  rmSync(box.dir, { recursive: true, force: true });
}

/** The operations whose calls fail, with the containers that they are about. */
export class Subjects {
  readonly scenarios: readonly Scenario[];
  readonly #boxes: Container[];
  readonly #consoles: Server;

  constructor() {
    // Its program tells what it sees, which shows that a container is right.
    const telling = new Container(everything);
    const seen = join(telling.share("/seen"), "seen.json");
    processOf(telling.config).args = ["/probe", "--out", "/seen/seen.json"];
    telling.writeConfig();
    const waiting = new Container(everything);
    waiting.probe("--quiet", "--wait");
    const apart = new Container((config) => namespaced(config, "/proc/self/ns/net"));
    apart.probe("--quiet", "--spin");
    const console = join(apart.dir, "console.sock");
    // Nobody accepts while a sweep goes on. A create does not wait for that, but each one fills a place in the queue.
    this.#consoles = createServer().listen({ path: console, backlog: 4096 });
    this.#boxes = [telling, waiting, apart];
    const plain: Making = { box: waiting, flags: [] };
    const inNamespaces: Making = { box: apart, flags: ["--console-socket", console] };
    const name = " in other namespaces";
    this.scenarios = [
      ...makingScenarios("", { box: telling, flags: [] }, seen),
      ...endingScenarios("", plain),
      ...runningScenarios("", plain),
      ...makingScenarios(name, inNamespaces, undefined),
      ...runningScenarios(name, inNamespaces).filter(({ args }) => args[0] === "exec"),
    ];
  }

  close(): void {
    this.#consoles.close();
    for (const box of this.#boxes.filter(({ dir }) => existsSync(dir))) discard(box);
  }
}
