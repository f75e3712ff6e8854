import { type DeviceRule, isForEverything } from "./device-rules";

// linux/bpf.h and linux/bpf_common.h: the few instructions that rules need, on 32-bit registers.
const loadWord = 0x61; // BPF_LDX | BPF_MEM | BPF_W
const moveRegister = 0xbc; // BPF_ALU | BPF_MOV | BPF_X
const moveConstant = 0xb4; // BPF_ALU | BPF_MOV | BPF_K
const andConstant = 0x54; // BPF_ALU | BPF_AND | BPF_K
const shiftRight = 0x74; // BPF_ALU | BPF_RSH | BPF_K
const jumpIfNotEqual = 0x56; // BPF_JMP32 | BPF_JNE | BPF_K
const jumpIfSet = 0x46; // BPF_JMP32 | BPF_JSET | BPF_K
const jump = 0x05; // BPF_JMP | BPF_JA
const exit = 0x95; // BPF_JMP | BPF_EXIT

const verdict = 0;
const context = 1;
/** Which accesses are asked for and not yet decided. */
const undecided = 2;
const type = 3;
/** A number of the device, for one comparison. */
const number = 4;

/** Offsets in struct bpf_cgroup_dev_ctx; the first word has the access in its upper half. */
const contextOffsets = { accessAndType: 0, major: 4, minor: 8 };
const accessShift = 16;
const typeMask = 0xffff;

const accessBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const typeNumbers = { b: 1, c: 2 };
const bytesPerInstruction = 8;

interface Instruction {
  readonly opcode: number;
  readonly target?: number;
  readonly source?: number;
  readonly offset?: number;
  readonly constant?: number;
}

/**
 * The rules as a BPF_PROG_TYPE_CGROUP_DEVICE program: 1 allows, 0 denies. The program goes through them from
 * the last to the first, so that the last rule about a device decides, and each access by itself: opening for
 * read and write needs both, though one rule may allow reading and a later one deny writing.
 */
export function assembleDeviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const instructions = [...loadRequest()];
  for (const rule of rules.toReversed()) {
    instructions.push(...instructionsOf(rule));
    // Nothing gets past it, and the verifier refuses what cannot be reached.
    if (isForEverything(rule)) return encode(instructions);
  }
  return encode([...instructions, ...decide(0)]);
}

function loadRequest(): readonly Instruction[] {
  return [
    { opcode: loadWord, target: undecided, source: context, offset: contextOffsets.accessAndType },
    { opcode: moveRegister, target: type, source: undecided },
    { opcode: andConstant, target: type, constant: typeMask },
    { opcode: shiftRight, target: undecided, constant: accessShift },
  ];
}

function decide(allowed: 0 | 1): readonly Instruction[] {
  return [{ opcode: moveConstant, target: verdict, constant: allowed }, { opcode: exit }];
}

function instructionsOf(rule: DeviceRule): readonly Instruction[] {
  if (isForEverything(rule)) return decide(rule.allow ? 1 : 0);
  const body = rule.allow ? allowInstructions(rule) : denyInstructions(rule);
  const tests = [
    ...(rule.type === "a" ? [] : [[test(type, typeNumbers[rule.type])]]),
    ...(rule.major === undefined ? [] : [testNumber(contextOffsets.major, rule.major)]),
    ...(rule.minor === undefined ? [] : [testNumber(contextOffsets.minor, rule.minor)]),
  ].flat();
  return [
    ...tests.map((step, index) => skipTo(step, tests.length - index - 1 + body.length)),
    ...body,
  ];
}

function test(register: number, value: number): Instruction {
  return { opcode: jumpIfNotEqual, target: register, constant: value };
}

/**
 * Loaded anew for each test: of a register that was compared before, the verifier knows too much, and it goes
 * through all later rules once for each value; its time would grow with the square of the rules.
 */
function testNumber(offset: number, value: number): readonly Instruction[] {
  return [{ opcode: loadWord, target: number, source: context, offset }, test(number, value)];
}

function skipTo(step: Instruction, distance: number): Instruction {
  return step.opcode === jumpIfNotEqual ? { ...step, offset: distance } : step;
}

/** What the rule allows is decided; when nothing is left, all of it was allowed. */
function allowInstructions({ access }: DeviceRule): readonly Instruction[] {
  const verdictInstructions = decide(1);
  return [
    { opcode: andConstant, target: undecided, constant: ~bitsOf(access) },
    {
      opcode: jumpIfNotEqual,
      target: undecided,
      offset: verdictInstructions.length,
      constant: 0,
    },
    ...verdictInstructions,
  ];
}

/** An access that is still asked for and denied here denies the whole. */
function denyInstructions({ access }: DeviceRule): readonly Instruction[] {
  const verdictInstructions = decide(0);
  return [
    // When it is, over the jump that passes the verdict by.
    { opcode: jumpIfSet, target: undecided, offset: 1, constant: bitsOf(access) },
    { opcode: jump, offset: verdictInstructions.length },
    ...verdictInstructions,
  ];
}

function bitsOf(access: string): number {
  return [...access].reduce((bits, letter) => bits | (accessBits[letter] ?? 0), 0);
}

/** struct bpf_insn as little-endian machines have it; Bun is built for no others. */
function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * bytesPerInstruction);
  const view = new DataView(bytes.buffer);
  instructions.forEach(({ opcode, target = 0, source = 0, offset = 0, constant = 0 }, index) => {
    const at = index * bytesPerInstruction;
    view.setUint8(at, opcode);
    view.setUint8(at + 1, (source << 4) | target);
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, constant | 0, true);
  });
  return bytes;
}
