import { describeError } from "../errors/describe";
import type { Any } from "../generated/shim/any";
import { TaskStart } from "../generated/shim/events";
import {
  CreateOptions,
  CheckpointOptions as LinuxCheckpointOptions,
} from "../generated/shim/linux-runc-options";
import { CheckpointOptions, Options as RuncOptions } from "../generated/shim/options";
import { Options as GenericOptions } from "../generated/shim/runtime-options";
import { type MessageType, pack } from "./any";
import { readCheckpointOptions, readOptions } from "./runtime-options";
import { StatusCode, statusOf } from "./ttrpc/status";

/** A message with some fields; the others are not set. */
const packed = <Message>(type: MessageType<Message>, fields: Partial<Message>): Any =>
  pack(type, { ...type.decode(new Uint8Array()), ...fields });

const ofCri = (toml: string) => packed(GenericOptions, { configBody: Buffer.from(toml) });

const unset = {
  root: "",
  systemdCgroup: false,
  shimCgroup: "",
  ioUid: 0,
  ioGid: 0,
  noPivotRoot: false,
  noNewKeyring: false,
  criuImagePath: "",
  criuWorkPath: "",
  binaryName: "",
};

let warnings: string[];
const warn = (message: string) => warnings.push(message);
const read = (...options: readonly Any[]) => readOptions(options, warn);

/** Why the options are refused, as one line. */
function refusalOf(reading: () => unknown): string {
  try {
    reading();
  } catch (error) {
    expect(statusOf(error).code).toBe(StatusCode.invalidArgument);
    return describeError(error);
  }
  throw new Error("they were not refused");
}

beforeEach(() => {
  warnings = [];
});

test("without options nothing is set", () => {
  expect(read()).toEqual(unset);
  expect(read({ typeUrl: "", value: new Uint8Array() })).toEqual(unset);
  expect(warnings).toEqual([]);
});

describe("options of runc", () => {
  test("are taken as they are, but for those that containerd reads itself", () => {
    const { binaryName, ...fields } = {
      ...unset,
      root: "/r",
      systemdCgroup: true,
      shimCgroup: "/shims",
      ioUid: 1000,
      ioGid: 1001,
      noPivotRoot: true,
      noNewKeyring: true,
      criuImagePath: "/i",
      criuWorkPath: "/w",
    };

    expect(read(packed(RuncOptions, { ...fields, taskApiAddress: "unix:///s" }))).toEqual({
      ...fields,
      binaryName,
    });
    expect(warnings).toEqual([]);
  });

  test("that come later are stronger", () => {
    const options = read(
      packed(RuncOptions, { root: "/first", noPivotRoot: true }),
      packed(RuncOptions, { root: "/second" }),
    );

    expect(options).toEqual({ ...unset, root: "/second", noPivotRoot: true });
  });

  test.each(["tsoci", "/usr/local/bin/tsoci"])("may name the runtime %s, which is ours", (name) => {
    expect(read(packed(RuncOptions, { binaryName: name })).binaryName).toBe(name);
    expect(warnings).toEqual([]);
  });

  test("that can have no effect are told", () => {
    read(packed(RuncOptions, { binaryName: "/usr/bin/crun", criuPath: "/opt/criu" }));

    expect(warnings).toEqual([
      'option "BinaryName" is "/usr/bin/crun", and has no effect: this shim is the runtime',
      'option "CriuPath" is "/opt/criu", and has no effect: CRIU is looked for in PATH',
    ]);
  });

  test.each([
    ["Root", { root: "r" }],
    ["CriuImagePath", { criuImagePath: "r" }],
    ["CriuWorkPath", { criuWorkPath: "r" }],
  ])("are refused when %s is no absolute path", (name, fields) => {
    expect(refusalOf(() => read(packed(RuncOptions, fields)))).toBe(
      `option "${name}" is "r", and must be an absolute path`,
    );
  });

  test("that end early are refused", () => {
    const { typeUrl, value } = packed(RuncOptions, { root: "/a/long/path" });

    expect(refusalOf(() => read({ typeUrl, value: value.subarray(0, -1) }))).toMatch(
      'read options of the kind "containerd.runc.v1.Options": ',
    );
  });
});

describe("options of a runtime that containerd does not know", () => {
  test("are the section of its configuration", () => {
    const toml = [
      '  BinaryName = ""',
      '  Root = "/x"  # of one line',
      "  SystemdCgroup = true",
      "  IoUid = 1000",
      '  ConfigPath = ""',
      '  TypeUrl = "containerd.runc.v1.Options"',
    ].join("\n");

    expect(read(ofCri(toml))).toEqual({
      ...unset,
      root: "/x",
      systemdCgroup: true,
      ioUid: 1000,
    });
  });

  test("have their names in any case, and as in messages", () => {
    expect(read(ofCri("systemdcgroup = true\nno_pivot_root = true"))).toEqual({
      ...unset,
      systemdCgroup: true,
      noPivotRoot: true,
    });
  });

  test("can be in a file", () => {
    const asked: string[] = [];
    const readFile = (path: string) => {
      asked.push(path);
      return 'Root = "/x"';
    };
    const options = packed(GenericOptions, { configPath: "/etc/tsoci.toml" });

    expect(readOptions([options], warn, { readFile })).toEqual({ ...unset, root: "/x" });
    expect(asked).toEqual(["/etc/tsoci.toml"]);
  });

  test("that are not set at all set nothing", () => {
    expect(read(packed(GenericOptions, {}))).toEqual(unset);
  });

  const known =
    '"BinaryName", "CriuImagePath", "CriuPath", "CriuWorkPath", "IoGid", "IoUid", "NoNewKeyring", ' +
    '"NoPivotRoot", "Root", "ShimCgroup", "SystemdCgroup"';

  test.each([
    ["SystemdGroup = true", `there is no option "SystemdGroup", expected ${known}`],
    ['SystemdCgroup = "yes"', 'option "SystemdCgroup" is "yes", expected true or false'],
    ["Root = 1", 'option "Root" is 1, expected a string'],
    ["IoUid = -1", 'option "IoUid" is -1, expected a whole number of 32 bits'],
    ["IoGid = 1.5", 'option "IoGid" is 1.5, expected a whole number of 32 bits'],
    ["[Root]\na = 1", 'option "Root" is {"a":1}, expected a string'],
    ["Root = true false", "line 1, column 13: Invalid TOML document: "],
    ['Root = "a"\n{"Root": 1}', "line 2, column 1: Invalid TOML document: "],
  ])("are refused as %j", (toml, message) => {
    expect(refusalOf(() => read(ofCri(toml)))).toMatch(
      `read options of the kind "runtimeoptions.v1.Options": ${message}`,
    );
  });

  test("are refused when they say they are somebody else's", () => {
    const options = packed(GenericOptions, { typeUrl: "io.containerd.runsc.v1.options" });

    expect(refusalOf(() => read(options))).toMatch(
      '"TypeUrl" is "io.containerd.runsc.v1.options", expected "containerd.runc.v1.Options" or nothing',
    );
  });

  test("are refused when their file has no absolute path or cannot be read", () => {
    const readFile = () => {
      throw new Error("it is not there");
    };
    const inFile = (configPath: string) => [packed(GenericOptions, { configPath })];

    expect(refusalOf(() => readOptions(inFile("x"), warn, { readFile }))).toMatch(
      'option "ConfigPath" is "x", and must be an absolute path',
    );
    expect(refusalOf(() => readOptions(inFile("/x"), warn, { readFile }))).toMatch(
      'read "/x": it is not there',
    );
  });
});

describe("options of a shim of the first version", () => {
  test("are read, and what they have of a restore is told", () => {
    const options = packed(CreateOptions, {
      noPivotRoot: true,
      noNewKeyring: true,
      shimCgroup: "/shims",
      ioUid: 1,
      ioGid: 2,
      criuWorkPath: "/w",
      criuImagePath: "/i",
      openTcp: true,
      emptyNamespaces: ["network"],
    });

    expect(read(options)).toEqual({
      ...unset,
      noPivotRoot: true,
      noNewKeyring: true,
      shimCgroup: "/shims",
      ioUid: 1,
      ioGid: 2,
      criuWorkPath: "/w",
      criuImagePath: "/i",
    });
    expect(warnings).toEqual([
      'option "open_tcp" has no effect on how a container is created',
      'option "empty_namespaces" has no effect on how a container is created',
    ]);
  });
});

describe("options of another kind", () => {
  const other = packed(TaskStart, { containerId: "web", pid: 1 });
  const message =
    'options are of the kind "containerd.events.TaskStart", expected "containerd.runc.v1.Options" or ' +
    '"runtimeoptions.v1.Options" or "containerd.linux.runc.CreateOptions"';

  test("are refused, with the kinds that are read", () => {
    expect(refusalOf(() => read(other))).toBe(message);
    expect(refusalOf(() => read({ typeUrl: "constructor", value: new Uint8Array() }))).toMatch(
      'options are of the kind "constructor", expected',
    );
  });

  test("are told and passed over where they may be for somebody else", () => {
    const ours = packed(RuncOptions, { root: "/r" });

    expect(readOptions([other, ours], warn, { others: "tell" })).toEqual({ ...unset, root: "/r" });
    expect(warnings).toEqual([`${message}: they have no effect`]);
  });
});

describe("options of a checkpoint", () => {
  const fields = {
    exit: true,
    openTcp: true,
    externalUnixSockets: true,
    terminal: true,
    fileLocks: true,
    emptyNamespaces: ["network"],
    cgroupsMode: "soft",
    imagePath: "/i",
    workPath: "/w",
  };

  test("are read in both kinds, whose numbers of fields differ", () => {
    const newer = { ...fields, parentPath: "../parent" };

    expect(readCheckpointOptions(packed(CheckpointOptions, newer))).toEqual(newer);
    expect(readCheckpointOptions(packed(LinuxCheckpointOptions, fields))).toEqual({
      ...fields,
      parentPath: "",
    });
  });

  test("need not be there", () => {
    expect(readCheckpointOptions(undefined)).toMatchObject({ exit: false, imagePath: "" });
  });

  test("are refused when they are of another kind", () => {
    expect(refusalOf(() => readCheckpointOptions(packed(RuncOptions, {})))).toBe(
      'options are of the kind "containerd.runc.v1.Options", expected ' +
        '"containerd.runc.v1.CheckpointOptions" or "containerd.linux.runc.CheckpointOptions"',
    );
  });
});
