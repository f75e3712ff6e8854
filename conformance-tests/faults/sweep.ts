import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import { callerEnvironment, patience, repositoryDir, scratchDir } from "../support/environment";
import { isThorough } from "../support/figures.mjs";
import { type Aim, FaultControl, type Hit, type Point, type Role } from "./control";
import { placeOf } from "./places";
import { Remains } from "./remains";
import { lateAt, survivedAt, untoldAt } from "./tables";

export const faultRuntime = join(repositoryDir, "build/faults/bin/tsoci");

export interface Ended {
  /** -1 when a signal ended it. */
  readonly status: number;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** An operation whose calls fail one by one. */
export interface Scenario {
  readonly name: string;
  readonly box: Container;
  readonly args: readonly string[];
  /** The exit status of its failures. */
  readonly failure: number;
  /** Brings the container to where the operation begins. */
  readonly prepare: (call: Call) => void;
  /** Whether the same container serves for the next fault: then nothing of it may have changed. */
  readonly leavesContainer: boolean;
  /** Whether its failure leaves nothing, before anybody deletes the container. */
  readonly leavesNothing: boolean;
  /** What is wrong after a failure, and after an operation that a fault did not keep from its end. */
  readonly afterFailure: (call: Call) => string[];
  readonly afterSuccess: (call: Call) => string[];
}

export type Call = (args: readonly string[]) => Ended;

/** A fault, and what became of it. */
export interface Verdict {
  readonly place: string;
  readonly isSurvived: boolean;
  readonly complaints: readonly string[];
}

/** Faults a scenario at chosen calls, one at a time. */
export class Sweep {
  readonly scenario: Scenario;
  readonly #control: FaultControl;
  readonly #mark: string;
  readonly #remains: Remains;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.#mark = join(scenario.box.dir, "control");
    this.#control = new FaultControl(this.#mark);
    this.#remains = new Remains(scenario.box, this.#mark);
  }

  close(): void {
    this.#deleteByForce();
    this.#control.close();
  }

  /** The calls of the operation when nothing fails. */
  list(): Point[] {
    this.#bringThere();
    this.#control.writeDown();
    const ended = this.#call(this.scenario.args);
    const points = this.#control.points();
    const wrong = [
      ...(ended.status === 0 ? [] : [`status ${ended.status}: ${ended.stderr}`]),
      ...this.scenario.afterSuccess(this.#callFaultless),
      ...this.#deleteByForce(),
      ...this.#remains.find(),
    ];
    if (wrong.length > 0)
      throw new Error(`${this.scenario.name} without a fault: ${wrong.join("; ")}`);
    return points;
  }

  /** Undefined when the operation ended before it came to that call, or the call has no such way to fail. */
  strike(aim: Aim): Verdict | undefined {
    this.#bringThere();
    this.#control.aim(aim);
    const ended = this.#call(this.scenario.args);
    const hit = this.#control.hit();
    if (hit === undefined) {
      if (!this.scenario.leavesContainer) this.#deleteByForce();
      return undefined;
    }
    const place = placeOf(hit, scratchDir());
    const wasKilled = aim.action === "kill" && ended.signal === "SIGKILL";
    const complaints = wasKilled ? [] : this.#judge(aim, ended, hit, place);
    const keeps = this.scenario.leavesContainer && aim.action === "fail" && complaints.length === 0;
    if (!keeps) complaints.push(...this.#deleteByForce(), ...this.#remains.find());
    return { place, isSurvived: ended.status === 0, complaints };
  }

  #judge(aim: Aim, ended: Ended, hit: Hit, place: string): string[] {
    const { scenario } = this;
    if (ended.timedOut) return ["it took too long"];
    if (ended.signal !== null) return [`it was ended by ${ended.signal}`];
    const lines = ended.stderr.split("\n").filter(isNoWarning);
    if (ended.status === 0 && lateAt.has(place)) return [];
    if (ended.status === 0) {
      // A restart, and whatever else a call has more than one way to fail for, is there to be survived.
      const isUnknown = aim.action === "fail" && (aim.way ?? 0) === 0 && !survivedAt.has(place);
      return [
        ...(isUnknown ? [`it went on without the call: ${ended.stderr}`] : []),
        ...lines.map((line) => `it went on, and said: ${line}`),
        ...scenario.afterSuccess(this.#callFaultless),
      ];
    }
    const isTold = hit.errno === undefined || ended.stderr.includes(`(${hit.errno})`);
    return [
      ...(ended.status === scenario.failure ? [] : [`exit status ${ended.status}`]),
      ...(lines.length === 1 ? [] : [`${lines.length} lines of error: ${ended.stderr}`]),
      ...(isTold || untoldAt.has(place) ? [] : [`no ${hit.errno} in: ${ended.stderr}`]),
      ...(hit.errno === "EINTR" && isTold ? [`it was not tried again: ${ended.stderr}`] : []),
      ...scenario.afterFailure(this.#callFaultless),
      ...(scenario.leavesNothing ? this.#remains.find().map((line) => `left: ${line}`) : []),
    ];
  }

  #isThere = false;

  #bringThere(): void {
    this.#control.rest();
    if (this.scenario.leavesContainer && this.#isThere) return;
    rmSync(join(this.scenario.box.stateRoot, "@seccomp"), { recursive: true, force: true });
    this.scenario.prepare(this.#callFaultless);
    this.#isThere = true;
  }

  #deleteByForce(): string[] {
    this.#isThere = false;
    const { status, stderr } = this.#callFaultless(["delete", "--force", this.scenario.box.id]);
    return status === 0 && stderr === "" ? [] : [`delete --force: status ${status}, ${stderr}`];
  }

  #callFaultless = (args: readonly string[]): Ended => {
    this.#control.rest();
    return this.#call(args);
  };

  #call(args: readonly string[]): Ended {
    const { box } = this.scenario;
    const files = [join(box.dir, "stdout"), join(box.dir, "stderr")];
    const fds = [openSync("/dev/null", "r"), ...files.map((file) => openSync(file, "w"))];
    const result = spawnSync(faultRuntime, ["--root", box.stateRoot, ...args], {
      stdio: fds,
      env: { ...callerEnvironment(), TSOCI_FAULTS: this.#mark },
      timeout: 20_000 * patience,
      killSignal: "SIGTERM",
    });
    for (const fd of fds) closeSync(fd);
    const [stdout = "", stderr = ""] = files.map((file) => readFileSync(file, "utf8"));
    const timedOut = (result.error as NodeJS.ErrnoException | undefined)?.code === "ETIMEDOUT";
    return { status: result.status ?? -1, signal: result.signal, stdout, stderr, timedOut };
  }
}

const isNoWarning = (line: string) => line !== "" && !line.includes("level=warning");

/** Every call of a role, or in the quick form each of a stride, which begins at another one with another seed. */
export function targets(points: readonly Point[], role: Role, seed: number): number[] {
  const numbers = points.filter((point) => point.role === role).map((_, index) => index + 1);
  return isThorough ? numbers : numbers.filter((number) => number % stride === seed % stride);
}

const stride = 13;
