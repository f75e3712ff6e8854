import type { MountFilesystemStep, Step } from "../generated/plan";
import { describeFailure, describeStep } from "./describe-step";

const mountProc: MountFilesystemStep = {
  op: "mountFilesystem",
  type: "proc",
  source: "proc",
  target: "/proc",
  options: [],
  sbFlags: 0,
  attributes: 0n,
  recursiveSet: 0n,
  recursiveClear: 0n,
  propagation: [],
  copyUp: 0,
  plainDirectory: 1,
  insideProc: 0,
  idmapFd: -1,
  idmapRecursive: 0,
  rootLabel: "",
};

test("a step is told of as something that is done, and a failed one in runc's words", () => {
  expect(describeStep(mountProc)).toBe('mount proc on "/proc"');
  expect(describeFailure(mountProc)).toBe('error mounting "proc" to rootfs at "/proc"');
});

test("a limit is told of with its values, and fails by its name", () => {
  const step: Step = {
    op: "setLimit",
    name: "RLIMIT_NOFILE",
    resource: 7,
    soft: 512n,
    hard: 1024n,
  };

  expect(describeStep(step)).toBe("limit RLIMIT_NOFILE to 512, at most 1024");
  expect(describeFailure(step)).toBe("error setting RLIMIT_NOFILE");
});

test("a step without words of its own has its name's, for failures too", () => {
  expect(describeStep({ op: "pivotRoot" })).toBe("pivot root");
  expect(describeFailure({ op: "pivotRoot" })).toBe("pivot root");
});
