import { RuntimeError } from "../../errors/runtime-error";

/** One write to a file of the container's cgroup. */
export interface LimitWrite {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
  /** JSON pointer of the property that asks for it. */
  readonly property: string;
  /**
   * What to do when the kernel refuses: `retry` after the writes that follow, as files check each other;
   * `ignore` what the specification lets a runtime ignore. Otherwise it is an error.
   */
  readonly whenRefused?: "retry" | "ignore";
}

/** What listing limits may know of a controller, as the container's cgroup has it. */
export interface Controller {
  readonly name: string;
  readonly version: 1 | 2;
  has(file: string): boolean;
  /** The text without space around it; undefined when there is no such file. */
  read(file: string): string | undefined;
  /** The names of all its files. */
  files(): readonly string[];
}

/** A controller that would have every file, for what is listed before there is a cgroup to look at. */
export const supposedController = (name: string, version: 1 | 2): Controller => ({
  name,
  version,
  has: () => true,
  read: () => undefined,
  files: () => [],
});

export type Amount = number | bigint;

/** Zero stands for "leave it as it is" where runc takes it so, and engines send it for what nobody set. */
export const isSet = (amount: Amount | undefined): amount is Amount =>
  amount !== undefined && BigInt(amount) !== 0n;

/** Below zero is no limit. */
export const isUnlimited = (amount: Amount) => amount < 0;

/** A limit in the words of cgroup v2. */
export const orMax = (amount: Amount) => (isUnlimited(amount) ? "max" : String(amount));

/** Collects the writes of one member of `linux.resources`. */
export class LimitList {
  readonly writes: LimitWrite[] = [];
  readonly controller: Controller;
  readonly #pointer: string;

  constructor(controller: Controller, pointer: string) {
    this.controller = controller;
    this.#pointer = pointer;
  }

  /** `name` is the property below the member, as "limit" or "weightDevice/0". */
  write(
    name: string,
    file: string,
    value: Amount | string,
    whenRefused?: LimitWrite["whenRefused"],
  ): void {
    this.writes.push({
      controller: this.controller.name,
      file,
      value: String(value),
      property: this.pointerTo(name),
      ...(whenRefused === undefined ? {} : { whenRefused }),
    });
  }

  /** As `write`, for a file that not every kernel has. */
  writeIfThere(
    name: string,
    file: string,
    value: Amount | string,
    lacking: string,
    whenRefused?: LimitWrite["whenRefused"],
  ): void {
    if (!this.controller.has(file)) {
      throw unsupported(this.pointerTo(name), `is ${value}, and this kernel has ${lacking}`);
    }
    this.write(name, file, value, whenRefused);
  }

  /** For what cgroup v2 has no counterpart of. */
  impossible(name: string, value: Amount | boolean): never {
    throw unsupported(this.pointerTo(name), `is ${value}, which cgroup v2 has no file for`);
  }

  pointerTo(name: string): string {
    return name === "" ? this.#pointer : `${this.#pointer}/${name}`;
  }
}

export function unsupported(pointer: string, what: string): RuntimeError {
  return new RuntimeError("CONFIG_UNSUPPORTED", `"${pointer}" ${what}`);
}
