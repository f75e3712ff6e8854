import { TaskExit } from "../generated/shim/events";
import { Metrics } from "../generated/shim/metrics-v1";
import { StateRequest, StateResponse } from "../generated/shim/task";
import { kindOf, pack, unpack } from "./any";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

const exit: TaskExit = {
  containerId: "web",
  id: "web",
  pid: 300,
  exitStatus: 137,
  exitedAt: { seconds: 1n, nanos: 2 },
};

test("an event has the bytes that the field numbers of containerd ask for", () => {
  const packed = pack(TaskExit, exit);

  expect(packed.typeUrl).toBe("containerd.events.TaskExit");
  expect(hex(packed.value)).toBe(
    "0a03776562" + "1203776562" + "18ac02" + "208901" + "2a0408011002",
  );
});

test("what was packed is there again, also below a host", () => {
  const packed = pack(TaskExit, exit);

  expect(unpack(TaskExit, packed)).toEqual(exit);
  const below = { ...packed, typeUrl: `type.googleapis.com/${packed.typeUrl}` };
  expect(kindOf(below)).toBe("containerd.events.TaskExit");
  expect(unpack(TaskExit, below)).toEqual(exit);
});

test("a message of another kind is refused, with both kinds named", () => {
  expect(() => unpack(StateRequest, pack(TaskExit, exit))).toThrow(
    'it is a "containerd.events.TaskExit", and must be a "containerd.task.v2.StateRequest"',
  );
});

test("fields that a newer containerd has are skipped", () => {
  // Field 1, then field 99 of each wire type, then field 2.
  const bytes = Buffer.from(
    "0a0161" + "980601" + "99060000000000000000" + "9a060162" + "120162",
    "hex",
  );

  expect(StateRequest.decode(bytes)).toEqual({ id: "a", execId: "b" });
});

test("a message that ends early is refused", () => {
  const bytes = StateRequest.encode({ id: "a".repeat(20), execId: "" }).finish();

  expect(() => StateRequest.decode(bytes.subarray(0, -1))).toThrow(RangeError);
});

test("a limit of memory that no double can hold arrives as it was", () => {
  const limit = 9_223_372_036_854_771_712n;
  const none = { limit: 0n, usage: 0n, max: 0n, failcnt: 0n };
  const metrics = Metrics.decode(new Uint8Array());
  const memory = { usage: { ...none, limit } };

  // As field 4 (memory), in it 33 (usage), in it 1 (limit).
  const bytes = Buffer.from("220d" + "8a020a" + "0880e0ffffffffffff7f", "hex");

  expect(metrics.memory).toBeUndefined();
  expect(Metrics.decode(bytes).memory).toMatchObject(memory);
});

test("a state without an end has no moment of it", () => {
  const state = StateResponse.decode(new Uint8Array());

  expect(state.exitedAt).toBeUndefined();
  expect(hex(StateResponse.encode({ ...state, pid: 1 }).finish())).toBe("1801");
});
