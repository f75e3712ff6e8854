import type { Layout } from "../generated/layout";
import { planLayoutHash, planMagic, type Step, stepLayouts } from "../generated/plan";
import { ByteWriter, type Fields, writers } from "./byte-writer";

const traceFlag = 1;

/** The same for a step, whose descriptors become the numbers that init has. */
function writeStepFields(
  writer: ByteWriter,
  layout: Layout,
  fields: Fields,
  fds: readonly number[],
): void {
  for (const [name, type] of layout.fields) {
    const value = fields[name];
    if (type === "i32" && name.endsWith("Fd")) {
      const index = value as number;
      writer.i32(index < 0 ? -1 : (fds[index] ?? -1));
    } else if (type === "numbers" && name.endsWith("Fds")) {
      const indexes = value as readonly number[];
      writers.numbers(
        writer,
        indexes.map((index) => fds[index] ?? -1),
      );
    } else {
      writers[type](writer, value);
    }
  }
}

export interface EncodeOptions {
  readonly linkFd: number;
  /** What a step's descriptor stands for: the numbers of the descriptors that the plan asked for. */
  readonly fds: readonly number[];
  readonly trace: boolean;
}

export function encodePlan(steps: readonly Step[], options: EncodeOptions): Uint8Array {
  const writer = new ByteWriter();
  writer.raw(new TextEncoder().encode(planMagic));
  writer.u32(planLayoutHash);
  writer.u32(0);
  writer.u32(steps.length);
  writer.u32(options.trace ? traceFlag : 0);
  writer.i32(options.linkFd);
  writer.u32(0);
  for (const step of steps) {
    const layout = stepLayouts[step.op];
    writer.u32(layout.code);
    const measure = writer.beginMeasured();
    writeStepFields(writer, layout, step as unknown as Fields, options.fds);
    writer.endMeasured(measure);
  }
  const bytes = writer.finish();
  writer.patchU32(planMagic.length + 4, bytes.length);
  return bytes;
}
