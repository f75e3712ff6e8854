import { absent, type Change, configText, findingsAfter } from "./config-fixture";
import { maxConfigBytes, type ParsedConfig, parseConfig } from "./parse-config";

const parse = (...changes: readonly Change[]): ParsedConfig => parseText(configText(...changes));
const parseText = (text: string): ParsedConfig => parseConfig(new TextEncoder().encode(text));

const issuesOf = (parsed: ParsedConfig) => (parsed.ok ? [] : parsed.issues);
const found = (parsed: ParsedConfig) =>
  issuesOf(parsed).map(({ pointer, message }) => [pointer, message]);

describe("the fixture", () => {
  test("has no issue and no warning", () => {
    const parsed = parse();
    expect(found(parsed)).toEqual([]);
    expect(parsed.warnings).toEqual([]);
  });
});

const allowed: readonly (readonly [name: string, ...changes: readonly Change[]])[] = [
  [
    "unknown properties",
    ["/x", { raw: '{"__proto__": 1.5, "constructor": "\\u0000", "n": 99999999999999999999}' }],
  ],
  ["other platforms", ["/windows", {}], ["/vm", { raw: "1e3" }]],
  ["a config without process", ["/process", absent]],
  ["a newer minor version", ["/ociVersion", "1.99.7"]],
  ["a version with suffixes", ["/ociVersion", "1.0.2-dev.1+build.5"]],
  [
    "null for absent, at any level",
    ["/hooks", null],
    ["/process/scheduler", null],
    ["/linux/sysctl/user.max", null],
  ],
  ["pids without a limit", ["/linux/resources/pids", {}]],
  ["no limit of memory", ["/linux/resources/memory/limit", -1]],
  ["a user without a group, which then is 0", ["/process/user", { uid: 0 }]],
  ["an idle I/O class without priority", ["/process/ioPriority", { class: "IOPRIO_CLASS_IDLE" }]],
  [
    "an agent of seccomp that an annotation names",
    [
      "/linux/seccomp",
      {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
      },
    ],
    ["/annotations/run.oci.seccomp.receiver", "/agent.sock"],
  ],
  ["a memory policy that needs no nodes", ["/linux/memoryPolicy", { mode: "MPOL_LOCAL" }]],
  [
    "the largest user id",
    ["/process/user/uid", 4294967294],
    ["/linux/uidMappings", [{ containerID: 0, hostID: 0, size: 4294967295 }]],
  ],
  [
    "the largest limits",
    ["/process/rlimits/0/soft", { raw: "18446744073709551615" }],
    ["/process/rlimits/0/hard", { raw: "18446744073709551615" }],
  ],
  ["the smallest offset", ["/linux/timeOffsets/monotonic/secs", { raw: "-9223372036854775808" }]],
  ["NUL in an annotation", ["/annotations/a", { raw: '"\\u0000"' }]],
  ["an empty annotation", ["/annotations/a", ""]],
  ["a namespace to join", ["/linux/namespaces/1", { type: "network", path: "/run/netns/a" }]],
  ["an empty namespace path", ["/linux/namespaces/1", { type: "network", path: "" }]],
  [
    "mappings beside a user namespace to join",
    ["/linux/namespaces/5", { type: "user", path: "/proc/1/ns/user" }],
  ],
  ["recursive propagation, as engines send it", ["/linux/rootfsPropagation", "rslave"]],
  ["files of /proc that may be covered", ["/mounts/2/destination", "/proc//./cpuinfo"]],
  ["a bind on /proc", ["/mounts/0", { destination: "/proc", source: "/proc", options: ["rbind"] }]],
  ["a remount without type", ["/mounts/2", { destination: "/tmp", options: ["remount", "ro"] }]],
  ["idmap with the container's mappings", ["/mounts/1/options", ["bind", "idmap"]]],
  ["a mode as stat(2) tells it", ["/linux/devices/0/fileMode", 0o20666]],
  ["a FIFO without numbers", ["/linux/devices/0", { type: "p", path: "/run/fifo" }]],
  ["SCHED_FIFO", ["/process/scheduler", { policy: "SCHED_FIFO", priority: 99 }]],
  [
    "SCHED_DEADLINE",
    [
      "/process/scheduler",
      { policy: "SCHED_DEADLINE", nice: 19, runtime: 42000, deadline: 1000000, period: 1000000 },
    ],
  ],
  [
    "sysctls of each namespace",
    [
      "/linux/sysctl",
      {
        "fs.mqueue.msg_max": "1",
        "kernel.domainname": "a",
        "user.max_user_namespaces": "1",
        "net.ipv4.conf.eth0/1.forwarding": "1",
      },
    ],
  ],
  [
    "a template as name of an interface",
    ["/linux/netDevices", { a: { name: "eth%d" }, b: { name: "eth%d" } }],
  ],
  ["the default class of service", ["/linux/intelRdt/closID", "/"]],
  [
    "a huge console without a terminal",
    ["/process/terminal", false],
    ["/process/consoleSize/height", 70000],
  ],
  [
    "an errno for tracing",
    ["/linux/seccomp/syscalls/0", { names: ["a"], action: "SCMP_ACT_TRACE", errnoRet: 65535 }],
  ],
];

test.each(allowed.map(([name, ...changes]) => ({ name, changes })))(
  "$name: allowed",
  ({ changes }) => {
    expect(findingsAfter(...changes)).toEqual([]);
  },
);

describe("all problems come at once", () => {
  const parsed = parse(
    ["/process/cwd", "tmp"],
    ["/process/user/uid", -1],
    ["/process/rlimits/1/type", "RLIMIT_NOFILE"],
    ["/mounts/0/destination", absent],
    ["/mounts/2/type", 5],
    ["/linux/namespaces/4/type", "mnt"],
    ["/linux/resources/cpu/burst", 50001],
    ["/linux/personality/flags", ["X"]],
  );

  test("of the schema and of the rules, each once, in the order of the file", () => {
    expect(issuesOf(parsed).map(({ pointer }) => pointer)).toEqual([
      "/process/user/uid",
      "/process/cwd",
      "/process/rlimits/1",
      "/mounts/0",
      "/mounts/2/type",
      "/linux/namespaces/4/type",
      "/linux/resources/cpu/burst",
      "/linux/personality/flags/0",
    ]);
  });

  test("with the clause that each breaks and its place in the file", () => {
    expect(issuesOf(parsed)[0]).toEqual({
      pointer: "/process/user/uid",
      message: "is -1, and must be an integer from 0 to 4294967294",
      clause: "config.md#posix-platform-user",
      line: 14,
      column: 14,
    });
    expect(issuesOf(parsed)[6]?.clause).toBe("config-linux.md#cpu");
  });
});

describe("warnings do not refuse a config", () => {
  test.each([
    [
      "/process/capabilities/bounding/0",
      "CAP_UNKNOWN",
      'is "CAP_UNKNOWN", which is no capability, and is left out',
    ],
    [
      "/mounts/2/destination",
      "tmp",
      'is "tmp", which is taken from the container\'s root, and should be absolute',
    ],
    ["/linux/resources/devices/0/access", "rwa", 'is "rwa", of which only the letters "rwm" count'],
  ])("%s as %j", (pointer, value, message) => {
    const parsed = parse([pointer, value]);
    expect(found(parsed)).toEqual([]);
    expect(parsed.warnings).toMatchObject([{ pointer, message }]);
    expect(parsed.warnings[0]?.line).toBeGreaterThan(1);
  });
});

describe("what is no JSON object", () => {
  const cases: readonly (readonly [text: string, message: string, line: number, column: number])[] =
    [
      ["", "is empty, and must hold a JSON document", 1, 1],
      ["\ufeff{}", "begins with a byte order mark, and must not", 1, 1],
      ["[]", "is an empty array, and must be an object", 1, 1],
      ["null", "is null, and must be an object", 1, 1],
      ["\n 3.5", "is 3.5, and must be an object", 2, 2],
      ['{\n  "ociVersion": NaN\n}', 'has "N" where a value was expected', 2, 17],
      ["{\n  // note\n}", 'has "/" where a name in double quotes or "}" was expected', 2, 3],
      [`${'{"a":'.repeat(20_000)}`, "is nested more than 128 levels deep", 1, 641],
    ];

  test.each(cases)("%j", (text, message, line, column) => {
    expect(issuesOf(parseText(text))).toEqual([
      { pointer: "", message, clause: "config.md", line, column },
    ]);
  });

  test("duplicate names are found beside everything else", () => {
    const text = configText(["/process/cwd", "tmp"]).replace(
      '"hostname": "box"',
      '"hostname": "box",\n  "hostname": "fox"',
    );
    expect(found(parseText(text))).toEqual([
      ["/process/cwd", 'is "tmp", and must be absolute'],
      ["/hostname", "is there twice, and must be there once"],
    ]);
  });

  test("bytes that are not UTF-8 are located", () => {
    const bytes = new Uint8Array([...new TextEncoder().encode('{\n "é": "'), 0xc3, 0x28]);
    expect(issuesOf(parseConfig(bytes))).toMatchObject([
      { message: "is not UTF-8 from here on", line: 2, column: 8 },
    ]);
  });

  test("UTF-16 is named", () => {
    expect(issuesOf(parseConfig(new Uint8Array([0xff, 0xfe, 0x7b, 0])))).toMatchObject([
      { message: "is UTF-16, and must be UTF-8" },
    ]);
  });

  test("a file without end is not read", () => {
    expect(issuesOf(parseConfig(new Uint8Array(maxConfigBytes + 1)))).toMatchObject([
      { message: "is 16777217 bytes long, and may be at most 16777216" },
    ]);
  });
});

test("large configs are no trouble, good or bad", () => {
  const mounts = Array.from({ length: 10_000 }, (_, index) => ({
    destination: `/m${index}`,
    type: "tmpfs",
  }));
  const env = Array.from({ length: 100_000 }, (_, index) => `V${index}=${index}`);
  expect(found(parse(["/mounts", mounts], ["/process/env", env]))).toEqual([]);
  const bad = parse(
    ["/mounts", mounts.map(({ type }) => ({ type }))],
    ["/process/env", env.map(() => "x")],
  );
  expect(issuesOf(bad)).toHaveLength(110_000);
});
