import { loadAddon } from "../../src/addon/addon";
import type { CompileSeccompRequest, SeccompRule } from "../../src/addon/bindings";

/** Numbers of x86_64, where these tests know them. */
const calls = { read: 0, write: 1, mkdir: 83, getpid: 39, getrandom: 318, rseq: 334, clone3: 435 };
const x86_64 = 0xc000003e;
const i386 = 0x40000003;
const x32Bit = 0x40000000;

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const errno = (number: number) => 0x00050000 | number;

function compile(request: Partial<CompileSeccompRequest>) {
  return loadAddon().compileSeccomp({
    defaultAction: "SCMP_ACT_ALLOW",
    defaultErrno: 1,
    architectures: [],
    rules: [],
    ...request,
  });
}

function rule(
  action: string,
  names: readonly string[],
  args: SeccompRule["args"] = [],
): SeccompRule {
  return { names, action: `SCMP_ACT_${action}`, errno: action === "ERRNO" ? 13 : 0, args };
}

interface SystemCall {
  readonly number: number;
  readonly architecture?: number;
  readonly args?: readonly bigint[];
}

/** What the kernel would answer: classic BPF over struct seccomp_data. */
function verdictOf(program: Uint8Array, call: SystemCall): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setInt32(0, call.number | 0, true);
  data.setUint32(4, call.architecture ?? x86_64, true);
  call.args?.forEach((value, index) => {
    data.setBigUint64(16 + index * 8, value, true);
  });
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const code = view.getUint16(at, true);
    const [ifTrue, ifFalse] = [view.getUint8(at + 2), view.getUint8(at + 3)];
    const operand = view.getUint32(at + 4, true);
    const branch = (holds: boolean) => {
      at += (holds ? ifTrue : ifFalse) * 8;
    };
    if (code === 0x20) accumulator = data.getUint32(operand, true);
    else if (code === 0x54) accumulator = (accumulator & operand) >>> 0;
    else if (code === 0x05) at += operand * 8;
    else if (code === 0x15) branch(accumulator === operand);
    else if (code === 0x25) branch(accumulator > operand);
    else if (code === 0x35) branch(accumulator >= operand);
    else if (code === 0x06) return operand;
    else throw new Error(`unknown instruction ${code.toString(16)}`);
  }
  throw new Error("runs off its end");
}

const describeHere = process.arch === "x64" ? describe : describe.skip;

describeHere("a compiled profile, by the numbers of x86_64", () => {
  test("answers with the action of the rule, or the default", () => {
    const { program } = compile({ rules: [rule("ERRNO", ["mkdir"])] });

    expect(verdictOf(program, { number: calls.mkdir })).toBe(errno(13));
    expect(verdictOf(program, { number: calls.read })).toBe(ALLOW);
  });

  test("leaves out and names the calls that nobody knows", () => {
    const { program, unknownSyscalls } = compile({
      rules: [rule("ERRNO", ["no_such_call", "mkdir", "another", "another"])],
    });

    expect(unknownSyscalls).toEqual(["another", "no_such_call"]);
    expect(verdictOf(program, { number: calls.mkdir })).toBe(errno(13));
  });

  test("leaves out a rule that says what the default says", () => {
    const { program } = compile({ rules: [rule("ALLOW", ["read"]), rule("ERRNO", ["mkdir"])] });

    expect(verdictOf(program, { number: calls.read })).toBe(ALLOW);
    expect(verdictOf(program, { number: calls.mkdir })).toBe(errno(13));
  });

  test.each([
    ["NE", [4n, 6n], [5n]],
    ["LT", [4n], [5n, 6n]],
    ["LE", [4n, 5n], [6n]],
    ["EQ", [5n], [4n, (1n << 32n) | 5n]],
    ["GE", [5n, 6n], [4n]],
    ["GT", [6n, 1n << 40n], [5n]],
  ])("compares an argument by %s, with all 64 bits", (op, hits, misses) => {
    const arg = { index: 1, op: `SCMP_CMP_${op}`, value: 5n, valueTwo: 0n };
    const { program } = compile({ rules: [rule("ERRNO", ["mkdir"], [arg])] });
    const verdict = (value: bigint) =>
      verdictOf(program, { number: calls.mkdir, args: [0n, value] });

    expect(hits.map(verdict)).toEqual(hits.map(() => errno(13)));
    expect(misses.map(verdict)).toEqual(misses.map(() => ALLOW));
  });

  test("compares what a mask leaves", () => {
    const arg = { index: 0, op: "SCMP_CMP_MASKED_EQ", value: 0xf0n, valueTwo: 0x10n };
    const { program } = compile({ rules: [rule("ERRNO", ["mkdir"], [arg])] });

    expect(verdictOf(program, { number: calls.mkdir, args: [0x1fn] })).toBe(errno(13));
    expect(verdictOf(program, { number: calls.mkdir, args: [0x2fn] })).toBe(ALLOW);
  });

  test("wants all arguments of a rule, but one of those that name the same argument", () => {
    const equal = (index: number, value: bigint) =>
      ({ index, op: "SCMP_CMP_EQ", value, valueTwo: 0n }) as const;
    const both = compile({ rules: [rule("ERRNO", ["mkdir"], [equal(0, 1n), equal(1, 2n)])] });
    const either = compile({ rules: [rule("ERRNO", ["mkdir"], [equal(0, 1n), equal(0, 2n)])] });
    const verdict = (program: Uint8Array, ...args: bigint[]) =>
      verdictOf(program, { number: calls.mkdir, args });

    expect(verdict(both.program, 1n, 2n)).toBe(errno(13));
    expect(verdict(both.program, 1n, 3n)).toBe(ALLOW);
    expect(verdict(either.program, 1n)).toBe(errno(13));
    expect(verdict(either.program, 2n)).toBe(errno(13));
    expect(verdict(either.program, 3n)).toBe(ALLOW);
  });

  test("kills another architecture, unless the profile names it", () => {
    const profile = { rules: [rule("ERRNO", ["mkdir"])] };
    const mkdirOfI386 = { number: 39, architecture: i386 };

    expect(verdictOf(compile(profile).program, mkdirOfI386)).toBe(0);
    const named = compile({ ...profile, architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64"] });
    expect(verdictOf(named.program, mkdirOfI386)).toBe(errno(13));
  });
});

describeHere("a call that is newer than the profile", () => {
  const profile = { rules: [rule("ALLOW", ["read", "write", "rseq"])] };

  test("does not exist, whatever the default", () => {
    for (const defaultAction of ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"]) {
      const { program } = compile({ ...profile, defaultAction });

      expect(verdictOf(program, { number: calls.clone3 })).toBe(errno(38));
      expect(verdictOf(program, { number: calls.rseq })).toBe(ALLOW);
    }
  });

  test("is not an older one that the profile leaves out", () => {
    const { program } = compile({ ...profile, defaultAction: "SCMP_ACT_KILL_PROCESS" });

    expect(verdictOf(program, { number: calls.getpid })).toBe(KILL_PROCESS);
  });

  test("is let through where the default lets through", () => {
    const rules = [rule("ERRNO", ["mkdir"])];

    expect(verdictOf(compile({ rules }).program, { number: calls.clone3 })).toBe(ALLOW);
  });

  test("is told for each architecture by its own numbers", () => {
    const { program } = compile({
      ...profile,
      defaultAction: "SCMP_ACT_ERRNO",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    });
    const verdict = (number: number, architecture = x86_64) =>
      verdictOf(program, { number, architecture });

    // rseq is 386 on i386 and 334 with the x32 bit on x32.
    expect([verdict(386, i386), verdict(387, i386)]).toEqual([ALLOW, errno(38)]);
    expect([verdict(334), verdict(335)]).toEqual([ALLOW, errno(38)]);
    expect([verdict(x32Bit + 334), verdict(x32Bit + 600)]).toEqual([ALLOW, errno(38)]);
  });

  test("is killed as x32 where the profile has no x32", () => {
    const { program } = compile({ ...profile, defaultAction: "SCMP_ACT_ERRNO" });

    expect(verdictOf(program, { number: x32Bit + 600 })).toBe(0);
  });
});

test.each([
  [
    { architectures: ["SCMP_ARCH_PDP11"] },
    'architecture "SCMP_ARCH_PDP11" is unknown to libseccomp',
  ],
  [{ defaultAction: "SCMP_ACT_NONE" }, 'unknown seccomp action "SCMP_ACT_NONE"'],
  [
    {
      rules: [rule("ERRNO", ["read"], [{ index: 6, op: "SCMP_CMP_EQ", value: 0n, valueTwo: 0n }])],
    },
    "index is 6",
  ],
  [
    { rules: [rule("ERRNO", ["read"], [{ index: 0, op: "SCMP_CMP_X", value: 0n, valueTwo: 0n }])] },
    '"SCMP_CMP_X"',
  ],
  [{ defaultAction: "SCMP_ACT_ERRNO", defaultErrno: 65536 }, "errno of SCMP_ACT_ERRNO is 65536"],
])("a profile that is wrong is refused by name: %#", (request, text) => {
  expect(() => compile(request)).toThrow(text);
});
