import type { Options as RuncOptions } from "../generated/shim/options";
import { optionRefused } from "./option-refused";

type ValueType = "boolean" | "string" | "number";

/** Options by the names that they have in containerd's configuration for runc, each with its type. */
const options: readonly (readonly [string, ValueType, keyof RuncOptions])[] = [
  ["BinaryName", "string", "binaryName"],
  ["CriuImagePath", "string", "criuImagePath"],
  ["CriuPath", "string", "criuPath"],
  ["CriuWorkPath", "string", "criuWorkPath"],
  ["IoGid", "number", "ioGid"],
  ["IoUid", "number", "ioUid"],
  ["NoNewKeyring", "boolean", "noNewKeyring"],
  ["NoPivotRoot", "boolean", "noPivotRoot"],
  ["Root", "string", "root"],
  ["ShimCgroup", "string", "shimCgroup"],
  ["SystemdCgroup", "boolean", "systemdCgroup"],
];

/** Of the message around: CRI passes on a whole section of its own configuration. */
const ofMessage = ["typeurl", "configpath", "configbody"];

/** As containerd's reader of TOML takes them: whatever the case, and as in messages. */
const plain = (name: string) => name.replaceAll("_", "").toLowerCase();

/**
 * Reads the options of a runtime that containerd does not know: the section of its configuration, in TOML.
 * Throws USAGE for what is no TOML, is no option of ours, or has another type.
 */
export function readTomlOptions(text: string): Partial<RuncOptions> {
  const read: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parse(text))) {
    if (ofMessage.includes(plain(key))) continue;
    const option = options.find(([name]) => plain(name) === plain(key));
    if (option === undefined) {
      const expected = options.map(([name]) => `"${name}"`).join(", ");
      throw optionRefused(`there is no option ${JSON.stringify(key)}, expected ${expected}`);
    }
    const [name, type, field] = option;
    if (!isOf(type, value)) {
      const found = JSON.stringify(value, (_, inner) =>
        typeof inner === "bigint" ? String(inner) : inner,
      );
      throw optionRefused(`option "${name}" is ${found}, expected ${expectedOf[type]}`);
    }
    read[field] = value;
  }
  return read;
}

const expectedOf: Readonly<Record<ValueType, string>> = {
  boolean: "true or false",
  string: "a string",
  number: "a whole number of 32 bits",
};

function isOf(type: ValueType, value: unknown): boolean {
  if (type !== "number") return typeof value === type;
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
}

function parse(text: string): Record<string, unknown> {
  // Nearly no caller sends any.
  const toml = require("smol-toml") as typeof import("smol-toml");
  try {
    return toml.parse(text);
  } catch (cause) {
    if (!(cause instanceof toml.TomlError)) throw cause;
    // Behind that it shows the place, on lines of its own.
    const [what = ""] = cause.message.split("\n");
    throw optionRefused(`line ${cause.line}, column ${cause.column}: ${what}`);
  }
}
