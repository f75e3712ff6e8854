import { absent, type Change, findingsAfter, type Refused } from "./config-fixture";

const proc =
  "/proc/cpuinfo, /proc/diskstats, /proc/loadavg, /proc/meminfo, /proc/net/dev, /proc/slabinfo, /proc/stat, /proc/swaps, /proc/sys/crypto/fips_enabled, /proc/sys/kernel/ns_last_pid, /proc/uptime";

const refused: readonly Refused[] = [
  ["/ociVersion", "1.3", 'is "1.3", and must be a semantic version, as "1.3.0"'],
  ["/ociVersion", "1.01.0", 'is "1.01.0", and must be a semantic version, as "1.3.0"'],
  ["/ociVersion", "0.5.0-dev", 'is "0.5.0-dev", and must have the major version 1'],
  ["/ociVersion", "2.0.0", 'is "2.0.0", and must have the major version 1'],
  ["/process/args/0", "", 'is "", and must name a program'],
  [
    "/process/rlimits/1/type",
    "RLIMIT_NOFILE",
    "is RLIMIT_NOFILE again, after index 0",
    "/process/rlimits/1",
  ],
  [
    "/process/rlimits/0/soft",
    { raw: "18446744073709551615" },
    'is 18446744073709551615, and must be at most "hard", which is 4096',
  ],
  ["/process/consoleSize/width", 65536, "is 65536, and must be at most 65535"],
  [
    "/process/scheduler",
    { policy: "SCHED_RR" },
    "is 0, and must be from 1 to 99 for SCHED_RR",
    "/process/scheduler/priority",
  ],
  [
    "/process/scheduler/priority",
    1,
    "is 1, and can only be given for SCHED_FIFO and SCHED_RR, not for SCHED_OTHER",
  ],
  [
    "/process/scheduler/runtime",
    1,
    "is 1, and can only be given for SCHED_DEADLINE, not for SCHED_OTHER",
  ],
  [
    "/process/scheduler",
    { policy: "SCHED_DEADLINE", runtime: 2000, deadline: 1000 },
    'is 1000, and must be at least "runtime" for SCHED_DEADLINE, which is 2000',
    "/process/scheduler/deadline",
  ],
  ["/process/user/uid", 65536, 'is 65536, which "linux.uidMappings" does not map'],
  ["/process/user/additionalGids/0", 70000, 'is 70000, which "linux.gidMappings" does not map'],
  [
    "/mounts/2/destination",
    "/proc",
    'is "/proc", where only the type "proc" or a bind of a procfs may be mounted',
  ],
  [
    "/mounts/2/destination",
    "/proc/../proc/sys",
    `is "/proc/../proc/sys", which is inside /proc, where only ${proc} may be covered`,
  ],
  [
    "/mounts/2/type",
    absent,
    'lacks "type", which is required unless an option is bind, rbind or remount',
    "/mounts/2",
  ],
  ["/mounts/1/source", absent, 'lacks "source", which is required for a bind mount', "/mounts/1"],
  [
    "/mounts/1/uidMappings",
    [{ containerID: 0, hostID: 0, size: 1 }],
    'is set, and needs "gidMappings" too',
  ],
  ["/linux/namespaces/0/type", "time", 'is "time" again, after index 0', "/linux/namespaces/7"],
  [
    "/linux/uidMappings/0/hostID",
    4294967290,
    "is 4294967290, so that the range ends at 4295032825, beyond the last id 4294967294",
  ],
  [
    "/linux/uidMappings/0/hostID",
    4294901760,
    "is 4294901760, so that the range ends at 4294967295, beyond the last id 4294967294",
  ],
  [
    "/linux/uidMappings/1",
    { containerID: 65535, hostID: 300000, size: 1 },
    "is 65535, and overlaps the range at index 0",
    "/linux/uidMappings/1/containerID",
  ],
  [
    "/linux/timeOffsets",
    { boottime: {} },
    'is set, and needs a new "time" namespace, not one to join by path',
  ],
  ["/hostname", "a".repeat(65), `is "${"a".repeat(65)}", and must have at most 64 bytes`],
  [
    "/linux/devices/0/major",
    absent,
    'lacks "major", which is required for the type "c"',
    "/linux/devices/0",
  ],
  [
    "/linux/devices/0/fileMode",
    0o1666,
    'is 950, and must be from 0 to 511, or that and the bits of the type "c"',
  ],
  [
    "/linux/devices/0/fileMode",
    0o60666,
    'is 25014, and must be from 0 to 511, or that and the bits of the type "c"',
  ],
  ["/linux/devices/0/minor", 1048576, "is 1048576, and must be from 0 to 1048575"],
  [
    "/linux/netDevices/eth0/name",
    "a/b",
    'is "a/b", and must not be "." or "..", nor have "/" or ":"',
  ],
  [
    "/linux/netDevices/eth0/name",
    "a".repeat(16),
    `is "${"a".repeat(16)}", and must have 1 to 15 printable ASCII characters`,
  ],
  ["/linux/netDevices/lan0", {}, 'becomes "lan0" inside, as "eth0" does'],
  ["/linux/cgroupsPath", "/a/../b", 'is "/a/../b", and must not have ".." in it'],
  [
    "/linux/resources/devices/0/access",
    absent,
    'lacks "access", which letters of "rwm" make up',
    "/linux/resources/devices/0",
  ],
  ["/linux/resources/devices/0/access", "x", 'is "x", and must be made up of the letters "rwm"'],
  ["/linux/resources/cpu/burst", 50001, 'is 50001, and must be at most "quota", which is 50000'],
  [
    "/linux/resources/blockIO/weightDevice/0/weight",
    absent,
    'lacks "weight" and "leafWeight", and needs at least one of them',
    "/linux/resources/blockIO/weightDevice/0",
  ],
  [
    "/linux/resources/rdma/mlx5_1",
    {},
    'lacks "hcaHandles" and "hcaObjects", and needs at least one of them',
  ],
  [
    "/linux/resources/unified/..~1cgroup.procs",
    "1",
    'has the name "../cgroup.procs", and must have that of a file in the cgroup',
  ],
  [
    "/linux/seccomp/syscalls/0/errnoRet",
    1,
    'is 1, and needs SCMP_ACT_ERRNO or SCMP_ACT_TRACE as "action", not SCMP_ACT_ALLOW',
  ],
  ["/linux/seccomp/defaultErrnoRet", 4096, "is 4096, and must be at most 4095 for SCMP_ACT_ERRNO"],
  [
    "/linux/seccomp/syscalls/1/names",
    ["read", "write"],
    'is "write": SCMP_ACT_NOTIFY cannot be used for the write syscall',
    "/linux/seccomp/syscalls/1/names/1",
  ],
  [
    "/linux/sysctl/kernel.core_pattern",
    "|x",
    'has the name "kernel.core_pattern", which no namespace has for itself: it is the host\'s',
  ],
  [
    "/linux/sysctl/kernel.hostname",
    "x",
    'is "x", and must be given as "hostname" of the config instead',
  ],
  ["/linux/sysctl/net.a", "1\n2", 'is "1\\n2", and must be a single line'],
  [
    "/linux/sysctl/net~1..~1kernel~1panic",
    "1",
    'has the name "net/../kernel/panic", which is no path below /proc/sys',
  ],
  ["/linux/sysctl/net..a", "1", 'has the name "net..a", which is no path below /proc/sys'],
  ["/linux/intelRdt/closID", "..", 'is "..", and must be "/" or the name of one directory'],
  ["/linux/intelRdt/closID", "a\tb", 'is "a\\tb", and must be "/" or the name of one directory'],
  ...['a"b', "a\\", "a b", "a\n"].flatMap((label): Refused[] =>
    ["/linux/mountLabel", "/process/selinuxLabel"].map((pointer) => [
      pointer,
      label,
      `is ${JSON.stringify(label)}, and must have no quotes, backslashes, blanks or control characters`,
    ]),
  ),
  ...["a\nb", " a", "a\t"].map(
    (profile): Refused => [
      "/process/apparmorProfile",
      profile,
      `is ${JSON.stringify(profile)}, and must have no control characters, nor blanks at its ends`,
    ],
  ),
  [
    "/linux/memoryPolicy/mode",
    absent,
    'invalid memory policy mode: lacks "mode", which is required',
    "/linux/memoryPolicy",
  ],
  [
    "/linux/memoryPolicy/nodes",
    "0-9876543210",
    'invalid memory policy node: is "0-9876543210", where "0-9876543210" goes beyond 1023',
  ],
  [
    "/linux/memoryPolicy/nodes",
    absent,
    "invalid memory policy nodes: MPOL_BIND mode requires at least 1 node but got 0",
    "/linux/memoryPolicy/nodes",
  ],
  [
    "/linux/memoryPolicy",
    { mode: "MPOL_DEFAULT", nodes: "0-7" },
    "invalid memory policy nodes: MPOL_DEFAULT mode requires 0 nodes but got 8",
    "/linux/memoryPolicy/nodes",
  ],
  [
    "/linux/personality/flags",
    ["ADDR_NO_RANDOMIZE"],
    'is "ADDR_NO_RANDOMIZE", and no flag is defined',
    "/linux/personality/flags/0",
  ],
];

const setUp: Readonly<Record<string, readonly Change[]>> = {
  "/linux/timeOffsets": [["/linux/namespaces/7", { type: "time", path: "/proc/1/ns/time" }]],
};

test.each(
  refused.map(([pointer, value, message, at = pointer]) => ({ pointer, value, message, at })),
)("$pointer as $value: $message", ({ pointer, value, message, at }) => {
  expect(findingsAfter(...(setUp[pointer] ?? []), [pointer, value])).toEqual([[at, message]]);
});

describe("what needs a namespace is refused without it", () => {
  const without = (...types: readonly string[]): Change => [
    "/linux/namespaces",
    ["pid", "network", "ipc", "uts", "mount", "user", "cgroup", "time"]
      .filter((type) => !types.includes(type))
      .map((type) => ({ type })),
  ];
  const host = ", or the host would change";
  const cases: readonly (readonly [
    type: string,
    issues: readonly (readonly [string, string])[],
  ])[] = [
    ["mount", [["/linux/rootfsPropagation", `is set, and needs a "mount" namespace${host}`]]],
    [
      "uts",
      [
        ["/hostname", 'is "box", and needs a "uts" namespace, or the host would be renamed'],
        ["/domainname", 'is "example", and needs a "uts" namespace, or the host would be renamed'],
      ],
    ],
    ["time", [["/linux/timeOffsets", 'is set, and needs a "time" namespace']]],
    ["ipc", [["/linux/sysctl/kernel~1msgmax", `is set, and needs a "ipc" namespace${host}`]]],
    [
      "network",
      [
        ["/linux/netDevices", 'is set, and needs a "network" namespace'],
        ["/linux/sysctl/net.ipv4.ip_forward", `is set, and needs a "network" namespace${host}`],
      ],
    ],
    [
      "user",
      [
        ["/linux/uidMappings", 'is set, and needs a "user" namespace'],
        ["/linux/gidMappings", 'is set, and needs a "user" namespace'],
      ],
    ],
  ];

  test.each(cases)("%s", (type, issues) => {
    expect(findingsAfter(without(type))).toEqual(issues);
  });

  test("a new user namespace needs mappings", () => {
    expect(findingsAfter(["/linux/uidMappings", absent], ["/linux/gidMappings", []])).toEqual([
      ["/linux", 'has a new "user" namespace, and needs "uidMappings" and "gidMappings"'],
    ]);
  });

  test("idmap needs mappings from somewhere", () => {
    const changes: readonly Change[] = [
      without("user"),
      ["/linux/uidMappings", absent],
      ["/linux/gidMappings", absent],
      ["/mounts/1/options", ["bind", "ridmap"]],
    ];
    expect(findingsAfter(...changes)).toEqual([
      ["/mounts/1", 'has the option "ridmap", and needs mappings of its own or a "user" namespace'],
    ]);
  });

  test("a config without linux shares every namespace", () => {
    const pointers = findingsAfter(["/linux", absent]).map(([pointer]) => pointer);
    expect(pointers).toEqual(["/hostname", "/domainname"]);
  });
});

test("mappings of more ranges than the kernel takes are refused as a whole", () => {
  const ranges = Array.from({ length: 5000 }, (_, index) => ({
    containerID: index,
    hostID: index,
    size: 1,
  }));
  expect(findingsAfter(["/linux/gidMappings", ranges])).toEqual([
    ["/linux/gidMappings", "has 5000 ranges, and may have at most 340"],
  ]);
});

test("a listener is needed by who notifies it, and its text by nobody else", () => {
  expect(findingsAfter(["/linux/seccomp/listenerPath", absent])).toEqual([
    ["/linux/seccomp/listenerMetadata", 'is set, and needs "listenerPath" too'],
    ["/linux/seccomp/syscalls/1/action", 'is SCMP_ACT_NOTIFY, and needs "listenerPath"'],
  ]);
});
