import type { Seccomp } from "../generated/config";
import { planSeccomp } from "./seccomp";

const allowAll: Seccomp = { defaultAction: "SCMP_ACT_ALLOW" };

test("a profile of one default action has no rules and the machine's own architecture", () => {
  expect(planSeccomp(allowAll).compile).toEqual({
    defaultAction: "SCMP_ACT_ALLOW",
    defaultErrno: 0,
    architectures: [],
    rules: [],
  });
});

test("an errno that is not named is EPERM, for ERRNO and for TRACE", () => {
  const { compile } = planSeccomp({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [
      { names: ["mkdir"], action: "SCMP_ACT_TRACE" },
      { names: ["rmdir"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
      { names: ["read"], action: "SCMP_ACT_ALLOW" },
    ],
  });

  expect(compile.defaultErrno).toBe(1);
  expect(compile.rules.map(({ errno }) => errno)).toEqual([1, 38, 0]);
});

test("arguments keep all 64 bits", () => {
  const { compile } = planSeccomp({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [
      {
        names: ["personality"],
        action: "SCMP_ACT_ERRNO",
        args: [
          { index: 0, op: "SCMP_CMP_MASKED_EQ", value: 0xffff_ffff_ffff_ffffn, valueTwo: 8 },
          { index: 1, op: "SCMP_CMP_EQ", value: 5 },
        ],
      },
    ],
  });

  expect(compile.rules[0]?.args).toEqual([
    { index: 0, op: "SCMP_CMP_MASKED_EQ", value: 0xffff_ffff_ffff_ffffn, valueTwo: 8n },
    { index: 1, op: "SCMP_CMP_EQ", value: 5n, valueTwo: 0n },
  ]);
});

test.each([
  ["absent", undefined, 4],
  ["empty", [], 0],
  ["LOG", ["SECCOMP_FILTER_FLAG_LOG"], 2],
  ["TSYNC", ["SECCOMP_FILTER_FLAG_TSYNC"], 0],
  ["LOG and SPEC_ALLOW", ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"], 6],
  ["WAIT_KILLABLE_RECV without an agent", ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], 0],
] as const)("flags that are %s", (_name, flags, expected) => {
  const seccomp = flags === undefined ? allowAll : { ...allowAll, flags };

  expect(planSeccomp(seccomp).flags).toBe(expected);
});

test("a profile without SCMP_ACT_NOTIFY is not refused, whatever its listenerPath", () => {
  expect(planSeccomp({ ...allowAll, listenerPath: "/run/agent.sock" }).refusal).toBeUndefined();
});

test("SCMP_ACT_NOTIFY is refused by name, in a rule and as the default", () => {
  const inRule = planSeccomp({
    ...allowAll,
    syscalls: [{ names: ["mount", "umount2"], action: "SCMP_ACT_NOTIFY" }],
  });
  const asDefault = planSeccomp({ defaultAction: "SCMP_ACT_NOTIFY" });

  expect(inRule.refusal).toBe(
    '"action" of "mount", "umount2" is "SCMP_ACT_NOTIFY", which this version does not apply',
  );
  expect(asDefault.refusal).toBe(
    '"defaultAction" is "SCMP_ACT_NOTIFY", which this version does not apply',
  );
});
