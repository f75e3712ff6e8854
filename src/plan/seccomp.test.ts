import type { Seccomp } from "../generated/config";
import { filterText, listenerOf, loadFlags, planFilter } from "./seccomp";

const allowAll: Seccomp = { defaultAction: "SCMP_ACT_ALLOW" };

test("a profile of one default action has no rules and the machine's own architecture", () => {
  expect(planFilter(allowAll)).toEqual({
    defaultAction: "SCMP_ACT_ALLOW",
    defaultErrno: 0,
    architectures: [],
    rules: [],
  });
});

test("an errno that is not named is EPERM, for ERRNO and for TRACE", () => {
  const compile = planFilter({
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
  const compile = planFilter({
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

const notifying: Seccomp = {
  ...allowAll,
  listenerPath: "/run/agent.sock",
  syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
};

test.each([
  ["absent", undefined, 4, 12],
  ["empty", [], 0, 8],
  ["LOG", ["SECCOMP_FILTER_FLAG_LOG"], 2, 10],
  ["TSYNC", ["SECCOMP_FILTER_FLAG_TSYNC"], 0, 8],
  ["LOG and SPEC_ALLOW", ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"], 6, 14],
  ["WAIT_KILLABLE_RECV", ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], 0, 40],
] as const)("flags that are %s, without an agent and with one", (_name, flags, alone, attended) => {
  const withFlags = (seccomp: Seccomp): Seccomp =>
    flags === undefined ? seccomp : { ...seccomp, flags };

  expect(loadFlags(withFlags(allowAll))).toBe(alone);
  expect(loadFlags(withFlags(notifying))).toBe(attended);
});

test("a listener is for a profile that notifies; elsewhere its path means nothing", () => {
  expect(listenerOf(notifying, "/b")).toEqual({ path: "/run/agent.sock" });
  expect(listenerOf({ ...allowAll, listenerPath: "/run/agent.sock" }, "/b")).toBeUndefined();
  expect(listenerOf(undefined, "/b")).toBeUndefined();
});

test("a relative listenerPath is below the bundle, and metadata go along", () => {
  const seccomp = { ...notifying, listenerPath: "../agent", listenerMetadata: "" };

  expect(listenerOf(seccomp, "/var/b")).toEqual({ path: "/var/agent", metadata: "" });
});

test("the text of a profile is that of what is compiled, with all 64 bits", () => {
  const withArgument = (value: number | bigint, more: Partial<Seccomp> = {}): Seccomp => ({
    ...allowAll,
    ...more,
    syscalls: [
      {
        names: ["read"],
        action: "SCMP_ACT_ERRNO",
        args: [{ index: 0, op: "SCMP_CMP_EQ", value }],
      },
    ],
  });
  const text = filterText(withArgument(0xffff_ffff_ffff_ffffn));

  expect(text).toContain("18446744073709551615n");
  expect(text).not.toBe(filterText(withArgument(0xffff_ffff_ffff_fffen)));
  expect(text).not.toBe(filterText({ ...allowAll, defaultAction: "SCMP_ACT_LOG" }));
  const other = withArgument(0xffff_ffff_ffff_ffffn, { flags: [], listenerPath: "/a" });
  expect(filterText(other)).toBe(text);
});
