import { mkdirSync, mkdtempSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RuntimeError } from "../errors/runtime-error";
import { defaultConfig } from "../spec/default-config";
import { loadTemplate, type ProcessTemplate, saveTemplate } from "./template";

let stateRoot: string;
const id = "web";

beforeEach(() => {
  stateRoot = mkdtempSync(join(tmpdir(), "tsoci-template-"));
  mkdirSync(join(stateRoot, id));
});

afterEach(() => {
  rmSync(stateRoot, { recursive: true });
});

const config = defaultConfig({ cgroupVersion: 2 });
const process = config.process as NonNullable<typeof config.process>;

function again(template: ProcessTemplate): ProcessTemplate {
  saveTemplate(stateRoot, id, template);
  return loadTemplate(stateRoot, id);
}

function codeOf(operation: () => unknown): string {
  try {
    operation();
  } catch (error) {
    if (error instanceof RuntimeError) return error.code;
    throw error;
  }
  return "none";
}

test("what a further process has too is kept, and nothing else", () => {
  const kept = again({ config, newKeyring: false });

  expect(kept).toEqual({
    config: {
      ociVersion: config.ociVersion,
      root: config.root,
      process: { ...process, rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024n, hard: 1024n }] },
      linux: { namespaces: config.linux?.namespaces },
    },
    newKeyring: false,
  });
});

test("numbers beyond 2^53 come back as they were", () => {
  const exact = {
    ...process,
    rlimits: [
      { type: "RLIMIT_CORE", soft: 9007199254740993n, hard: 18446744073709551615n },
      { type: "RLIMIT_CPU", soft: 0n, hard: 1n },
    ],
    scheduler: {
      policy: "SCHED_DEADLINE",
      runtime: 9007199254740993n,
      deadline: 9007199254740995n,
      period: 18446744073709551615n,
    },
  } as const;

  expect(again({ config: { ...config, process: exact }, newKeyring: true }).config.process).toEqual(
    exact,
  );
});

test("a config without a process, a linux section or a scheduler's times is no fault", () => {
  const { process: _, linux: __, ...bare } = config;

  expect(again({ config: bare, newKeyring: true }).config).toEqual({
    ociVersion: config.ociVersion,
    root: config.root,
    linux: {},
  });
});

test("a filter comes back with its flags and its listener", () => {
  const seccomp = {
    program: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 255]),
    flags: 8,
    listener: { path: "/agent", metadata: "some text" },
  };

  const kept = again({ config, newKeyring: true, seccomp }).seccomp;

  expect({ ...kept, program: [...(kept?.program ?? [])] }).toEqual({
    ...seccomp,
    program: [...seccomp.program],
  });
});

test("a filter of the largest size is whole", () => {
  const program = new Uint8Array(4096 * 8).fill(7);

  expect(
    again({ config, newKeyring: true, seccomp: { program, flags: 0 } }).seccomp?.program.length,
  ).toBe(program.length);
});

test("the files are for nobody else", () => {
  saveTemplate(stateRoot, id, {
    config,
    newKeyring: true,
    seccomp: { program: new Uint8Array(8), flags: 0 },
  });

  for (const name of ["process.json", "seccomp.bpf"])
    expect(statSync(join(stateRoot, id, name)).mode & 0o777).toBe(0o600);
});

describe("what cannot be read is told apart", () => {
  test("a container that was deleted meanwhile", () => {
    expect(codeOf(() => loadTemplate(stateRoot, "gone"))).toBe("CONTAINER_UNKNOWN");
  });

  test("a filter that was deleted meanwhile", () => {
    saveTemplate(stateRoot, id, {
      config,
      newKeyring: true,
      seccomp: { program: new Uint8Array(8), flags: 0 },
    });
    unlinkSync(join(stateRoot, id, "seccomp.bpf"));

    expect(codeOf(() => loadTemplate(stateRoot, id))).toBe("CONTAINER_UNKNOWN");
  });

  test.each(["", "{", "null", "[1"])("junk: %j", (text) => {
    writeFileSync(join(stateRoot, id, "process.json"), text);

    expect(codeOf(() => loadTemplate(stateRoot, id))).toBe("STATE_UNREADABLE");
  });
});
