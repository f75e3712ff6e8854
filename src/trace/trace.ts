import type { Addon } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import { writeReplacing } from "../host/files";

/** A slice of the Chrome trace event format; times in microseconds of CLOCK_MONOTONIC. */
interface Slice {
  readonly name: string;
  readonly ph: "X";
  readonly ts: number;
  readonly dur: number;
  readonly pid: number;
  readonly tid: number;
  readonly args?: Readonly<Record<string, string>>;
}

const lanes = { driver: 1, init: 2 } as const;
const nsPerUs = 1000;

/** Times what an operation does, for `--trace`. Without a file it only calls what it is given. */
export class Trace {
  private readonly slices: Slice[] = [];
  private readonly begin: bigint;

  constructor(
    private readonly addon: Addon,
    private readonly file: string | undefined,
  ) {
    this.begin = file === undefined ? 0n : addon.monotonicNs();
    // Now, and not when the container is there already: then its operation would have failed and not failed.
    if (file !== undefined) writeTrace(file, "");
  }

  get isOn(): boolean {
    return this.file !== undefined;
  }

  /** Runs a step of the driver, and notes how long it took. */
  step<T>(name: string, run: () => T): T {
    if (this.file === undefined) return run();
    const begin = this.addon.monotonicNs();
    try {
      return run();
    } finally {
      this.add(lanes.driver, name, begin, this.addon.monotonicNs());
    }
  }

  /** Notes steps of init, from its message: step, begin and end, each of 64 bits. */
  addInitSlices(
    slices: Uint8Array,
    describe: (step: number) => { name: string; property?: string },
  ): void {
    const view = new DataView(slices.buffer, slices.byteOffset, slices.byteLength);
    for (let offset = 0; offset + 24 <= slices.byteLength; offset += 24) {
      const { name, property } = describe(view.getUint32(offset, true));
      this.add(
        lanes.init,
        name,
        view.getBigUint64(offset + 8, true),
        view.getBigUint64(offset + 16, true),
        property,
      );
    }
  }

  private add(lane: number, name: string, begin: bigint, end: bigint, property?: string): void {
    this.slices.push({
      name,
      ph: "X",
      ts: Number(begin - this.begin) / nsPerUs,
      dur: Number(end - begin) / nsPerUs,
      pid: 1,
      tid: lane,
      ...(property === undefined || property === "" ? {} : { args: { property } }),
    });
  }

  /** Writes the file. Readable by chrome://tracing, Perfetto and speedscope. */
  write(operation: string): void {
    if (this.file === undefined) return;
    this.add(lanes.driver, operation, this.begin, this.addon.monotonicNs());
    const names = Object.entries(lanes).map(([name, tid]) => ({
      name: "thread_name",
      ph: "M",
      pid: 1,
      tid,
      args: { name },
    }));
    writeTrace(
      this.file,
      `${JSON.stringify({ traceEvents: [...names, ...this.slices], displayTimeUnit: "ms" })}\n`,
    );
  }
}

function writeTrace(file: string, text: string): void {
  try {
    writeReplacing(file, text, 0o644);
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", `write the trace "${file}"`, { cause });
  }
}
