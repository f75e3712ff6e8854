// Values that the schemas allow, and configs that are nearly right: what is only nearly wrong is what a reader
// gets wrong.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { load, root } from "./driver.mjs";

const documents = new Map();

function documentOf(name) {
  if (!documents.has(name)) {
    documents.set(name, JSON.parse(readFileSync(`${root}spec-schemas/oci/${name}`, "utf8")));
  }
  return documents.get(name);
}

/** The node that `reference` means in `document`, and the document that it is in. */
function resolved(reference, document) {
  const [name, pointer = ""] = reference.split("#");
  const target = name === "" ? document : name;
  const steps = pointer.split("/").filter((step) => step !== "");
  return [steps.reduce((node, step) => node[step], documentOf(target)), target];
}

const bounds = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/** What a property means when its schema calls it just a string. */
const wordsOf = {
  options: () => load("spec/mount-options").mountOptionNames(),
  type: () => ["proc", "tmpfs", "bind", "cgroup", "sysfs", "mqueue", "devpts", "overlay", "b", "c"],
  names: () => ["read", "write", "openat2", "clone3", "no_such_call"],
  bounding: () => load("spec/kernel-constants").capabilityNames,
  effective: () => load("spec/kernel-constants").capabilityNames,
  destination: () => ["/", "/proc", "/dev/shm", "/sys/fs/cgroup", "/data/../x", "relative"],
  path: () => ["/dev/null", "/run/ns", "/../x", "/bin/true"],
  ociVersion: () => ["1.0.0", "1.3.0", "2.0.0", "1.0.0-rc5"],
};

const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 6 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("", "/", "0", "-1", "a/b", "0-3,7", "\0", "\u2028", "ä"),
  },
);

const wholeNumber = (least, most) =>
  fc.oneof(
    fc.constantFrom(least, most, ...(least <= 0n && most >= 1n ? [0n, 1n] : [])),
    fc.bigInt({ min: least, max: most }),
    // Most are small where people write them.
    fc.bigInt({ min: least, max: least + 2048n < most ? least + 2048n : most }),
  );

function stringOf(node, name) {
  if (node.pattern !== undefined && node.pattern !== "[\\s\\S]") {
    return fc.oneof(fc.stringMatching(new RegExp(node.pattern)), text);
  }
  const words = wordsOf[name]?.() ?? [];
  return words.length === 0 ? text : fc.oneof(fc.constantFrom(...words), text);
}

function objectOf(node, document) {
  const members = Object.entries(node.properties ?? {}).map(([name, property]) => [
    name,
    arbitraryOf(property, document, name),
  ]);
  const known = fc.record(Object.fromEntries(members), { requiredKeys: node.required ?? [] });
  if (typeof node.additionalProperties !== "object") return known;
  const others = fc.dictionary(text, arbitraryOf(node.additionalProperties, document), {
    maxKeys: 3,
    noNullPrototype: true,
  });
  return fc.tuple(known, others).map(([one, other]) => ({ ...other, ...one }));
}

const memo = new Map();

/** What the schema `node` of `document` allows; `name` is the property's. */
export function arbitraryOf(node, document, name = "") {
  if (node.$ref !== undefined) {
    const [target, inside] = resolved(node.$ref, document);
    const key = `${node.$ref} ${inside} ${name}`;
    if (!memo.has(key)) memo.set(key, arbitraryOf(target, inside, name));
    return memo.get(key);
  }
  if (node.enum !== undefined) return fc.constantFrom(...node.enum);
  if (node.integer64 !== undefined || node.type === "integer") {
    const [least, most] = bounds[node.integer64] ?? [node.minimum, node.maximum];
    return wholeNumber(BigInt(node.minimum ?? least), BigInt(node.maximum ?? most));
  }
  switch (node.type) {
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(arbitraryOf(node.items, document, name), {
        minLength: node.minItems ?? 0,
        maxLength: 4,
      });
    case "object":
      return objectOf(node, document);
    default:
      return stringOf(node, name);
  }
}

/** Paths of the properties that a config may have, each with what may be there. */
function places(node, document, path = [], depth = 3) {
  const [real, inside] = node.$ref === undefined ? [node, document] : resolved(node.$ref, document);
  return Object.entries(real.properties ?? {}).flatMap(([name, property]) => [
    [[...path, name], arbitraryOf(property, inside, name)],
    ...(depth > 1 ? places(property, inside, [...path, name], depth - 1) : []),
  ]);
}

const junk = fc.oneof(
  fc.constantFrom(null, true, [], {}, "", 1n, -1n, 2n ** 64n, [[]], { a: null }),
  text,
);

/** A change of one property: to what is allowed there, or to what is not, or to none. */
const editOf = (schema) => {
  const known = places(documentOf(schema), schema).map(([path, allowed]) =>
    fc.record({
      path: fc.constant(path),
      value: fc.oneof(
        { weight: 16, arbitrary: allowed },
        { weight: 2, arbitrary: junk },
        { weight: 3, arbitrary: fc.constant(undefined) },
      ),
    }),
  );
  return fc.oneof(...known);
};

function edited(document, { path, value }) {
  const [name, ...rest] = path;
  if (rest.length === 0) {
    const { [name]: _, ...others } = document;
    return value === undefined ? others : { ...document, [name]: value };
  }
  const inner = document[name];
  const isObject = typeof inner === "object" && inner !== null && !Array.isArray(inner);
  return { ...document, [name]: edited(isObject ? inner : {}, { path: rest, value }) };
}

/** `base` with up to so many properties of it changed, as the schema has them. */
export const nearly = (schema, base, maxLength = 5) =>
  fc.array(editOf(schema), { maxLength }).map((edits) => edits.reduce(edited, base));

/** A document as text, in one of the spellings that callers have. */
export function spelled(value, spelling) {
  const { exactJson } = load("spec/exact-json");
  const exact = exactJson(value);
  if (spelling === "plain") return exact;
  if (spelling === "go") {
    return exact.replace(/[<>&]/g, (it) => `\\u00${it.charCodeAt(0).toString(16)}`);
  }
  // Our own layout cannot be had with numbers of 64 bits, so blanks are put where they may be.
  return exact.replace(/"(?:[^"\\]|\\.)*"|[[\]{},:]/gs, (it) =>
    it.length === 1 ? `${it}\n ` : it,
  );
}

export const spelling = fc.constantFrom("plain", "go", "blanks");
