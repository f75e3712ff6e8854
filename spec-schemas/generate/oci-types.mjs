// The TypeScript types of a document, from its JSON Schema and those it refers to.

const pointerInto = (schema, pointer) =>
  pointer
    .split("/")
    .slice(1)
    .reduce((node, name) => node[name], schema);

/** The node that `reference`, in the file `from`, is about. */
function resolveReference(schemas, reference, from) {
  const [otherFile, pointer = ""] = reference.split("#");
  const file = otherFile === "" ? from : otherFile;
  return { node: pointerInto(schemas[file], pointer), file };
}

/** All types that the document at `file` is made of, each as `export interface`. */
export function documentTypes(schemas, file) {
  const interfaces = new Map();

  const arrayOf = (item) => (/^[\w]+$/.test(item) ? `readonly ${item}[]` : `readonly (${item})[]`);

  const typeOf = (node, from) => {
    if (node.$ref !== undefined) {
      const target = resolveReference(schemas, node.$ref, from);
      return typeOf(target.node, target.file);
    }
    if (node.enum !== undefined) return node.enum.map((value) => JSON.stringify(value)).join(" | ");
    if (node.integer64 !== undefined) return "number | bigint";
    if (node.type === "integer") return "number";
    if (node.type === "array") return arrayOf(typeOf(node.items, from));
    if (node.type !== "object") return node.type;
    if (node.properties === undefined) {
      return `Readonly<Record<string, ${typeOf(node.additionalProperties, from)}>>`;
    }
    addInterface(node, from);
    return node.title;
  };

  const comment = (text, indent) => (text === undefined ? "" : `${indent}/** ${text} */\n`);

  function addInterface(node, from) {
    if (interfaces.has(node.title)) return;
    if (node.title === undefined) throw new Error(`${from}: an object has no title`);
    interfaces.set(node.title, "");
    const members = Object.entries(node.properties).map(([name, property]) => {
      const optional = node.required?.includes(name) ? "" : "?";
      // A type of its own says what it is; only a property's words can say what it is here.
      return `${comment(property.description, "  ")}  readonly ${name}${optional}: ${typeOf(property, from)};\n`;
    });
    const text = `${comment(node.description, "")}export interface ${node.title} {\n${members.join("")}}\n`;
    interfaces.set(node.title, text);
  }

  addInterface(schemas[file], file);
  return `\n${[...interfaces.values()].join("\n")}`;
}

/** The objects that the document at `file` is made of, as a table by the names of their types. */
export function objectShapes(schemas, file, name) {
  const shapes = {};

  const shapeOf = (node, from) => {
    if (node.$ref !== undefined) {
      const target = resolveReference(schemas, node.$ref, from);
      return shapeOf(target.node, target.file);
    }
    if (node.type === "array") return shapeOf(node.items, from);
    if (node.type !== "object") return "";
    if (node.properties === undefined) {
      const value = shapeOf(node.additionalProperties, from);
      return value === "" ? "" : `*${value}`;
    }
    if (shapes[node.title] === undefined) {
      const members = {};
      shapes[node.title] = members;
      for (const [member, property] of Object.entries(node.properties)) {
        members[member] = shapeOf(property, from);
      }
    }
    return node.title;
  };

  shapeOf(schemas[file], file);
  return `
/**
 * Each object by its type: what its members are called, and of which type is what they hold. "*" stands before
 * the type of a map's values; what holds no object has none.
 */
export const ${name}: Readonly<Record<string, Readonly<Record<string, string>>>> = ${JSON.stringify(shapes, null, 2)};
`;
}
