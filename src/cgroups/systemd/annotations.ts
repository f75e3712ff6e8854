import { RuntimeError } from "../../errors/runtime-error";
import { GVariantError, parseGVariant } from "./gvariant";
import type { Property } from "./properties";

const prefix = "org.systemd.property.";

/** So many fit into the 64 bits that systemd counts microseconds with. */
const mostSeconds = 18_446_744_073_709n;

/** The properties that annotations ask for, with values as gvariant-text(7) has them. Throws CONFIG_INVALID. */
export function propertiesOfAnnotations(
  annotations: Readonly<Record<string, string>>,
): readonly Property[] {
  return Object.entries(annotations)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, text]) => propertyOf(name, text));
}

function propertyOf(annotation: string, text: string): Property {
  const name = annotation.slice(prefix.length);
  if (!/^[A-Za-z]{3,}$/.test(name)) {
    throw refusal(annotation, text, "the name of a unit's property is at least three letters");
  }
  try {
    const { type, value } = parseGVariant(text);
    // On the bus times are in microseconds; people write them as unit files do.
    if (!name.endsWith("Sec") || name.endsWith("USec")) return { name, type, value };
    if (typeof value !== "bigint" && typeof value !== "number") {
      throw new GVariantError("expected a number of seconds");
    }
    if (value < 0) throw new GVariantError("expected seconds from 0 on");
    if (value > mostSeconds) throw new GVariantError(`expected at most ${mostSeconds} seconds`);
    const microseconds =
      typeof value === "bigint" ? value * 1_000_000n : BigInt(Math.round(value * 1e6));
    return { name: `${name.slice(0, -"Sec".length)}USec`, type: "t", value: microseconds };
  } catch (cause) {
    if (cause instanceof GVariantError) throw refusal(annotation, text, cause.message);
    throw cause;
  }
}

function refusal(annotation: string, text: string, why: string): RuntimeError {
  return new RuntimeError(
    "CONFIG_INVALID",
    `annotation ${JSON.stringify(annotation)} is ${JSON.stringify(text)}: ${why}`,
  );
}
