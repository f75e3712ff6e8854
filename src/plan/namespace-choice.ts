import type { Config, Namespace } from "../generated/config";

export type NamespaceType = Namespace["type"];

/** Which namespaces a container makes, which it joins, and how init has to come to be in them. */
export interface NamespaceChoice {
  readonly created: ReadonlySet<NamespaceType>;
  readonly joined: readonly {
    readonly type: NamespaceType;
    readonly path: string;
    readonly index: number;
  }[];
  /** One clone is not enough: a first stage joins and unshares, and then clones init. */
  readonly staged: boolean;
}

export function chooseNamespaces(config: Config): NamespaceChoice {
  const namespaces = config.linux?.namespaces ?? [];
  const created = new Set<NamespaceType>();
  const joined: { type: NamespaceType; path: string; index: number }[] = [];
  namespaces.forEach(({ type, path }, index) => {
    if (path === undefined || path === "") created.add(type);
    else joined.push({ type, path, index });
  });
  const staged = joined.length > 0 || created.has("user") || created.has("time");
  return { created, joined, staged };
}

export function hasNamespace(choice: NamespaceChoice, type: NamespaceType): boolean {
  return choice.created.has(type) || choice.joined.some((entry) => entry.type === type);
}
