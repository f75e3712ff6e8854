import { writeAll } from "../host/write-all";
import type { ContainerState } from "../state/oci-state";
import { type Build, build, specVersion } from "../version";

const standardOutput = 1;

/** Prints an answer. Returns the exit status. */
export function print(text: string): number {
  writeAll(standardOutput, text);
  return 0;
}

/** `state`: two spaces, the keys in the specification's order. */
export function formatState(state: ContainerState): string {
  return JSON.stringify(inOrder(state), null, 2);
}

/** `list --format json`: one line; `null` for none, as Go prints a list that was never made. */
export function formatListJson(states: readonly ContainerState[]): string {
  return `${states.length === 0 ? "null" : JSON.stringify(states.map(inOrder))}\n`;
}

export function formatListQuiet(states: readonly ContainerState[]): string {
  return states.map((state) => `${state.id}\n`).join("");
}

/** `ps --format json`: as Go prints it, too. */
export function formatPids(pids: readonly number[]): string {
  return `${pids.length === 0 ? "null" : JSON.stringify(pids)}\n`;
}

const columns: readonly { title: string; cell: (state: ContainerState) => string }[] = [
  { title: "ID", cell: (state) => state.id },
  { title: "PID", cell: (state) => String(state.pid) },
  { title: "STATUS", cell: (state) => state.status },
  { title: "BUNDLE", cell: (state) => state.bundle },
  { title: "CREATED", cell: (state) => state.created },
  { title: "OWNER", cell: (state) => state.owner },
];

/** `list`: cells of 12 characters at least, three spaces between, nothing after the last. */
export function formatListTable(states: readonly ContainerState[]): string {
  const rows = [
    columns.map((column) => column.title),
    ...states.map((state) => columns.map((column) => column.cell(state))),
  ];
  const widths = columns.map((_, index) =>
    Math.max(12, ...rows.map((row) => characters(row[index] ?? "") + 3)),
  );
  return rows
    .map((row) => {
      const padded = row.map((cell, index) =>
        index === row.length - 1
          ? cell
          : cell + " ".repeat((widths[index] ?? 0) - characters(cell)),
      );
      return `${padded.join("")}\n`;
    })
    .join("");
}

/** `features`: four spaces, as runc has it. */
export function formatFeatures(features: object): string {
  return `${JSON.stringify(features, null, 4)}\n`;
}

/** `--version`: callers read the first line by its words, and the others by their beginnings. */
export function formatVersion(
  programName: string,
  { version, commit, libseccompVersion }: Build = build,
): string {
  const lines = [`${programName} version ${version}`];
  if (commit !== undefined) lines.push(`commit: ${commit}`);
  lines.push(`spec: ${specVersion}`);
  if (libseccompVersion !== undefined) lines.push(`libseccomp: ${libseccompVersion}`);
  return `${lines.join("\n")}\n`;
}

function inOrder(state: ContainerState): ContainerState {
  const { ociVersion, id, pid, status, bundle, rootfs, created, annotations, owner } = state;
  return {
    ociVersion,
    id,
    pid,
    status,
    bundle,
    rootfs,
    created,
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
    owner,
    ...(state.oomKilled === true ? { oomKilled: true } : {}),
  };
}

function characters(text: string): number {
  return [...text].length;
}
