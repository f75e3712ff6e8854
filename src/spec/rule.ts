import type { Config, Namespace } from "../generated/config";

/**
 * A document of which the schema has already refused some values: those are undefined here, and so is
 * everything that should be there and is not. Rules look at what is left, so that a document's problems
 * come out all at once, and nothing is reported twice.
 */
export type Draft<T> = T extends string | number | bigint | boolean | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly (Draft<Item> | undefined)[]
    : { readonly [Name in keyof T]?: Draft<T[Name]> | undefined };

export interface Finding {
  readonly pointer: string;
  readonly message: string;
}

/** A sentence of the specification, or a fact of the kernel, that no schema can express. */
export interface Rule {
  readonly id: string;
  readonly clause: string;
  /** A warning never keeps a container from being created. */
  readonly severity: "error" | "warning";
  /** The way to the one property without which there is nothing to find. */
  readonly about?: readonly string[];
  check(config: Draft<Config>): Iterable<Finding>;
}

/** The members of a list that the schema let through, with their index. */
export function entries<T>(list: readonly (T | undefined)[] | undefined): readonly [number, T][] {
  const found: [number, T][] = [];
  list?.forEach((item, index) => {
    if (item !== undefined) found.push([index, item]);
  });
  return found;
}

/** The members of a map that the schema let through. */
export function mapEntries<T>(
  map: Readonly<Record<string, T | undefined>> | undefined,
): readonly [string, T][] {
  const found: [string, T][] = [];
  for (const name of map === undefined ? [] : Object.keys(map)) {
    const value = map?.[name];
    if (value !== undefined) found.push([name, value]);
  }
  return found;
}

export type NamespaceType = Namespace["type"];

/** Whether the document has a member that the schema refused: nothing is known of it then. */
export const isRefused = (holder: object, name: string): boolean =>
  name in holder && (holder as Readonly<Record<string, unknown>>)[name] === undefined;

export function findNamespace(
  config: Draft<Config>,
  type: NamespaceType,
): Draft<Namespace> | undefined {
  return config.linux?.namespaces?.find((namespace) => namespace?.type === type);
}

/** Whether the container is to stay in the runtime's namespace. False while the list itself is in doubt. */
export function sharesNamespace(config: Draft<Config>, type: NamespaceType): boolean {
  if (isRefused(config, "linux")) return false;
  if (config.linux === undefined) return true;
  if (isRefused(config.linux, "namespaces")) return false;
  const namespaces = config.linux.namespaces ?? [];
  if (namespaces.some((namespace) => namespace?.type === undefined)) return false;
  return findNamespace(config, type) === undefined;
}

/** Whether the container gets a namespace that was not there before. */
export function hasNewNamespace(config: Draft<Config>, type: NamespaceType): boolean {
  const namespace = findNamespace(config, type);
  return namespace !== undefined && !isRefused(namespace, "path") && (namespace.path ?? "") === "";
}

export const quote = (value: unknown): string => {
  const text = typeof value === "bigint" ? String(value) : JSON.stringify(value);
  return text.length <= 128 ? text : `${text.slice(0, 125)}...`;
};
