import { StatusCode } from "../../src/shim/ttrpc/status";
import { shows } from "../support/shows";
import { type Bundle, type Shim, shimSuite, useShims } from "./use-shims";

const contract = "containerd's runtime v2";
const { notFound, alreadyExists, failedPrecondition, invalidArgument } = StatusCode;
const json = (value: unknown) => ({ typeUrl: "", value: Buffer.from(JSON.stringify(value)) });
const trueProcess = { user: { uid: 0, gid: 0 }, args: ["/bin/busybox", "true"], cwd: "/" };

/** Brings a new container into a state. */
const ways = {
  created: async (shim: Shim, bundle: Bundle) => {
    await shim.create(bundle);
  },
  running: async (shim: Shim, bundle: Bundle) => {
    await shim.run(bundle);
  },
  paused: async (shim: Shim, bundle: Bundle) => {
    await shim.run(bundle);
    await shim.call("pause", { id: bundle.id });
  },
  stopped: async (shim: Shim, bundle: Bundle) => {
    await shim.run(bundle);
    await shim.call("kill", { id: bundle.id, signal: 9 });
    await shim.call("wait", { id: bundle.id });
  },
  deleted: async (shim: Shim, bundle: Bundle) => {
    await shim.run(bundle);
    await shim.end(bundle.id);
  },
};

/** Calls that leave the container in its state when they fail, and mostly when they do not: in this order. */
const calls = {
  State: (shim: Shim, { id }: Bundle) => shim.call("state", { id }),
  Start: (shim: Shim, { id }: Bundle) => shim.call("start", { id }),
  Create: (shim: Shim, { id, dir }: Bundle) => shim.call("create", { id, bundle: dir }),
  Pids: (shim: Shim, { id }: Bundle) => shim.call("pids", { id }),
  Stats: (shim: Shim, { id }: Bundle) => shim.call("stats", { id }),
  Update: (shim: Shim, { id }: Bundle) => shim.call("update", { id, resources: json({}) }),
  "Update without resources": (shim: Shim, { id }: Bundle) => shim.call("update", { id }),
  ResizePty: (shim: Shim, { id }: Bundle) => shim.call("resizePty", { id, width: 9, height: 9 }),
  CloseIO: (shim: Shim, { id }: Bundle) => shim.call("closeIO", { id, stdin: true }),
  Exec: (shim: Shim, { id }: Bundle) => shim.call("exec", { id, execId: "e", spec: json({}) }),
  "Exec again": (shim: Shim, { id }: Bundle) =>
    shim.call("exec", { id, execId: "e", spec: json({}) }),
  "Exec without a name": (shim: Shim, { id }: Bundle) => shim.call("exec", { id, spec: json({}) }),
  "State of it": (shim: Shim, { id }: Bundle) => shim.call("state", { id, execId: "e" }),
  "Kill of it": (shim: Shim, { id }: Bundle) => shim.call("kill", { id, execId: "e", signal: 9 }),
  "Delete of it": (shim: Shim, { id }: Bundle) => shim.call("delete", { id, execId: "e" }),
  "Delete of none": (shim: Shim, { id }: Bundle) => shim.call("delete", { id, execId: "e" }),
  "Exec that can run": (shim: Shim, { id }: Bundle) =>
    shim.call("exec", { id, execId: "f", spec: json(trueProcess) }),
  "Start of it": (shim: Shim, { id }: Bundle) => shim.call("start", { id, execId: "f" }),
  "Start again": (shim: Shim, { id }: Bundle) => shim.call("start", { id, execId: "f" }),
  Checkpoint: (shim: Shim, { id }: Bundle) => shim.call("checkpoint", { id, path: "" }),
  "Kill by a signal that is none": (shim: Shim, { id }: Bundle) =>
    shim.call("kill", { id, signal: 99 }),
  Kill: (shim: Shim, { id }: Bundle) => shim.call("kill", { id, signal: 0 }),
  Delete: (shim: Shim, { id }: Bundle) => shim.call("delete", { id }),
};

const everywhere = { State: 0, Pids: 0, Stats: 0, ResizePty: 0, CloseIO: 0, Exec: 0 };
const refused = {
  Create: alreadyExists,
  "Update without resources": invalidArgument,
  "Exec again": alreadyExists,
  "Exec without a name": invalidArgument,
  "State of it": 0,
  "Kill of it": failedPrecondition,
  "Delete of it": 0,
  "Delete of none": notFound,
  "Exec that can run": 0,
  "Start again": failedPrecondition,
  Checkpoint: invalidArgument,
};
const stillThere = { ...everywhere, ...refused, "Kill by a signal that is none": invalidArgument };

/** By state, what each of the calls ends with. */
const expected: Record<keyof typeof ways, Record<string, number>> = {
  created: {
    ...stillThere,
    Update: 0,
    "Start of it": 0,
    Start: 0,
    Kill: 0,
    Delete: failedPrecondition,
  },
  running: {
    ...{ ...stillThere, Update: 0, "Start of it": 0, Kill: 0 },
    ...{ Start: failedPrecondition, Delete: failedPrecondition },
  },
  paused: {
    ...{ ...stillThere, Update: 0, Kill: 0, Start: failedPrecondition },
    ...{ "Start of it": failedPrecondition, Delete: failedPrecondition },
  },
  stopped: {
    ...{ ...everywhere, ...refused, Update: failedPrecondition, Start: failedPrecondition },
    ...{ "Start of it": failedPrecondition, Delete: 0 },
    ...{ Kill: notFound, "Kill by a signal that is none": invalidArgument },
  },
  deleted: {
    ...Object.fromEntries(Object.keys(calls).map((name) => [name, notFound])),
    ...{ "Update without resources": invalidArgument, "Exec without a name": invalidArgument },
    Checkpoint: invalidArgument,
  },
};

shimSuite("shim: the states of a container", () => {
  const world = useShims();

  for (const [state, bring] of Object.entries(ways)) {
    shows(contract, `each call has its status when a container is ${state}`, async () => {
      const bundle = world().bundle();
      const shim = await world().start(bundle);
      await bring(shim, bundle);

      const found: Record<string, number> = {};
      for (const [name, call] of Object.entries(calls)) {
        // It would make a new one.
        if (state === "deleted" && name === "Create") continue;
        found[name] = await call(shim, bundle).then(
          () => 0,
          (error) => error.status,
        );
      }

      const { Create, ...rest } = expected[state as keyof typeof ways];
      expect(found).toEqual(state === "deleted" ? rest : { Create, ...rest });
    });
  }
});
