import { readFileSync } from "node:fs";
import { join } from "node:path";
import { escapePointerStep, pointerSteps } from "./json-pointer";

/** What tests derive from the schema of config.json: every property there is, and how a document gets it. */

export interface Schema {
  readonly type?: "object" | "array" | "string" | "boolean" | "integer";
  readonly integer64?: "int64" | "uint64";
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly patternMeans?: string;
  readonly minItems?: number;
  readonly anyText?: boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

export interface Property {
  readonly pointer: string;
  readonly schema: Schema;
  /** The schema's file, from which its references count. */
  readonly file: string;
}

export type Json = Record<string, unknown>;

const schemaDir = join(__dirname, "../../spec-schemas/oci");
const files = new Map<string, Schema>();

function schemaFile(name: string): Schema {
  const known = files.get(name);
  if (known !== undefined) return known;
  const schema = JSON.parse(readFileSync(join(schemaDir, name), "utf8")) as Schema;
  files.set(name, schema);
  return schema;
}

/** A schema without a reference on top; references inside keep the file that they count from. */
function resolve(schema: Schema, file: string): Omit<Property, "pointer"> {
  if (schema.$ref === undefined) return { schema: typed(schema), file };
  const [name, way = ""] = schema.$ref.split("#");
  const target = name || file;
  let found: unknown = schemaFile(target);
  for (const step of pointerSteps(way)) found = (found as Json)[step];
  return resolve(found as Schema, target);
}

/** Two keywords say the type, too. */
function typed(schema: Schema): Schema {
  if (schema.enum !== undefined) return { type: "string", ...schema };
  return schema.integer64 === undefined ? schema : { type: "integer", ...schema };
}

/** The name that stands for all of a map's, where the document has none. */
const exampleKey = "key";

/** Every property of config.json, by its place in `document`: of lists the first entry, of maps the first member. */
export function configProperties(document: Json): readonly Property[] {
  return [...walk({ $ref: "config.json" }, "config.json", "", document)].slice(1);
}

function* walk(
  reference: Schema,
  from: string,
  pointer: string,
  value: unknown,
): Generator<Property> {
  const { schema, file } = resolve(reference, from);
  yield { pointer, schema, file };
  if (schema.items !== undefined) {
    const first = Array.isArray(value) ? (value[0] as unknown) : undefined;
    yield* walk(schema.items, file, `${pointer}/0`, first);
  }
  const members: Json = typeof value === "object" && value !== null ? (value as Json) : {};
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    yield* walk(member, file, `${pointer}/${name}`, members[name]);
  }
  if (schema.additionalProperties !== undefined) {
    const name = Object.keys(members)[0] ?? exampleKey;
    const step = escapePointerStep(name);
    yield* walk(schema.additionalProperties, file, `${pointer}/${step}`, members[name]);
  }
}

/** Strings that meet a pattern of the schema, where "x" does not. */
const examples: readonly string[] = ["x", "/x", "A=x", "0", "2MB", "MB:0=50", "L3:0=f", "rwm"];

/** The least that the schema has nothing against. */
export function exampleOf(reference: Schema, from = "config.json"): unknown {
  const { schema, file } = resolve(reference, from);
  if (schema.type === "boolean") return true;
  if (schema.type === "integer") return Math.max(schema.minimum ?? 0, 0);
  if (schema.type === "array") {
    return schema.items === undefined ? [] : [exampleOf(schema.items, file)];
  }
  if (schema.type === "string") {
    // A filter that kills would end another runtime's init, whatever the value in question.
    if (schema.enum !== undefined)
      return schema.enum.find((value) => value.endsWith("_ALLOW")) ?? schema.enum[0];
    const pattern = new RegExp(schema.pattern ?? "");
    const example = examples.find((text) => pattern.test(text));
    if (example === undefined) throw new Error(`no example meets the pattern ${schema.pattern}`);
    return example;
  }
  const members = (schema.required ?? []).map((name): [string, unknown] => [
    name,
    exampleOf(schema.properties?.[name] ?? {}, file),
  ]);
  return Object.fromEntries(members);
}

/** Gives `document` every object and list that it lacks on the way to `pointer`. */
export function makeWay(document: Json, pointer: string): void {
  const steps = pointerSteps(pointer);
  let holder: Json = document;
  let { schema, file } = resolve({ $ref: "config.json" }, "config.json");
  for (const step of steps.slice(0, -1)) {
    const below = schema.items ?? schema.properties?.[step] ?? schema.additionalProperties ?? {};
    holder[step] ??= exampleOf(below, file);
    holder = holder[step] as Json;
    ({ schema, file } = resolve(below, file));
  }
}
