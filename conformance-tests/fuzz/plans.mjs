// Plans of any config, on machines of several kinds, as init gets them.
import { assertSame, load, mayRefuse } from "./driver.mjs";

const { planContainer } = load("plan/plan");
const { planExec } = load("plan/exec");
const { findIgnored, findUnavailable } = load("plan/unavailable");
const { encodePlan } = load("plan/encode");
const { stepLayouts } = load("generated/plan");

const v2 = { version: 2, controllers: [], mountPoint: "/sys/fs/cgroup", mountRoot: "/" };
const v1 = ["cpu", "name=systemd"].map((name) => ({
  version: 1,
  controllers: [name],
  mountPoint: `/sys/fs/cgroup/${name.replace("name=", "")}`,
  mountRoot: "/",
}));

const machine = {
  euid: 0,
  egid: 0,
  inUserNamespace: false,
  hasKcore: true,
  apparmor: true,
  selinux: true,
  resctrl: "/sys/fs/resctrl",
};

const machines = [
  { ...machine, cgroups: { mode: "legacy", hierarchies: v1 } },
  {
    ...machine,
    cgroups: { mode: "unified", hierarchies: [v2] },
    euid: 1000,
    inUserNamespace: true,
    selinux: false,
  },
];

const options = {
  id: "web",
  bundleDir: "/bundle",
  rootfsPath: "/bundle/rootfs",
  pivot: true,
  newKeyring: true,
  preserveFds: 0,
  cgroupPath: "/pods/web",
  extraEnv: [],
  hookEnv: () => ["HOOK=1"],
  seccomp: { program: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]), flags: 0 },
  tasksFiles: ["/sys/fs/cgroup/cpu/web/tasks"],
  namespaces: 0x2c02_0000,
};

const decoders = {
  u32: (cursor) => cursor.u32(),
  i32: (cursor) => cursor.u32() | 0,
  u64: (cursor) => BigInt(cursor.u32()) | (BigInt(cursor.u32()) << 32n),
  string: (cursor) => new TextDecoder("utf-8", { fatal: true }).decode(cursor.text()),
  bytes: (cursor) => [...cursor.blob()],
  numbers: (cursor) => {
    const blob = cursor.blob();
    const inner = new Cursor(blob);
    return Array.from({ length: blob.length / 4 }, () => inner.u32());
  },
  strings: (cursor) => {
    const count = cursor.u32();
    const inner = new Cursor(cursor.blob());
    return Array.from({ length: count }, () => decoders.string(inner));
  },
};

class Cursor {
  constructor(bytes) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.bytes = bytes;
    this.at = 0;
  }

  u32() {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  blob() {
    const size = this.u32();
    const blob = this.bytes.subarray(this.at, this.at + size);
    if (blob.length !== size) throw new Error(`${size} bytes are not there`);
    this.at += (size + 3) & ~3;
    return blob;
  }

  text() {
    const blob = this.blob();
    if (blob.indexOf(0) !== blob.length - 1) throw new Error("a string without its one NUL");
    return blob.subarray(0, -1);
  }
}

const layouts = new Map(
  Object.entries(stepLayouts).map(([op, layout]) => [layout.code, { op, ...layout }]),
);
const headerBytes = 32;

/** The steps in a plan, with descriptors as they stand there. */
function decoded(bytes) {
  const cursor = new Cursor(bytes);
  cursor.at = headerBytes;
  const steps = [];
  while (cursor.at < bytes.length) {
    const { op, fields } = layouts.get(cursor.u32());
    const inner = new Cursor(cursor.blob());
    steps.push(
      Object.fromEntries([
        ["op", op],
        ...fields.map(([name, type]) => [name, decoders[type](inner)]),
      ]),
    );
  }
  return steps;
}

/** A step as it is after the way to init: numbers of descriptors in place of their places, and no signs. */
function sent(step, fds) {
  const { fields } = stepLayouts[step.op];
  const values = fields.map(([name, type]) => {
    const value = step[name];
    if (type === "i32" && name.endsWith("Fd")) return [name, value < 0 ? -1 : (fds[value] ?? -1)];
    if (type === "numbers" && name.endsWith("Fds")) return [name, value.map((index) => fds[index])];
    if (type === "numbers") return [name, value.map((number) => number >>> 0)];
    if (type === "u32") return [name, value >>> 0];
    return [name, type === "bytes" ? [...value] : value];
  });
  return Object.fromEntries([["op", step.op], ...values]);
}

/** The plan's bytes, which mean what the plan says. */
function showEncoded({ steps, descriptors }) {
  const fds = descriptors.map((_, index) => 100 + index);
  const plain = steps.map(({ step }) => step);
  const bytes = encodePlan(plain, { linkFd: 3, fds, trace: false });
  assertSame(
    "steps of the plan",
    decoded(bytes),
    plain.map((step) => sent(step, fds)),
  );
  return bytes;
}

/** Plans for a config that was found valid: each may be refused, and otherwise can be sent. Answers their bytes. */
export function showPlansOf(config) {
  const plans = machines.flatMap((facts) => {
    findUnavailable(config, facts);
    findIgnored(config, facts);
    const container = mayRefuse(() => planContainer(config, facts, options));
    const further =
      config.process === undefined ? undefined : mayRefuse(() => planExec(config, facts, options));
    return [container, further].filter((plan) => plan !== undefined);
  });
  return plans.map(showEncoded);
}
