import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Metrics as LegacyMetrics } from "../../src/generated/shim/metrics-v1";
import { Metrics as UnifiedMetrics } from "../../src/generated/shim/metrics-v2";
import { ProcessDetails } from "../../src/generated/shim/options";
import { kindOf, unpack } from "../../src/shim/any";
import { StatusCode } from "../../src/shim/ttrpc/status";
import { until } from "../support/background";
import { controllerDir, isAlive, readProcFile } from "../support/host";
import { shows } from "../support/shows";
import { callTimeoutMs, ShimConnection } from "./shim.mjs";
import { type Bundle, refusalOf, type Shim, shell, shimSuite, useShims, waits } from "./use-shims";

const contract = "containerd's runtime v2";
const { notFound, alreadyExists, failedPrecondition, invalidArgument } = StatusCode;
const json = (value: unknown) => ({ typeUrl: "", value: Buffer.from(JSON.stringify(value)) });
const trueProcess = { user: { uid: 0, gid: 0 }, args: ["/bin/busybox", "true"], cwd: "/" };
const status = { created: 1, running: 2, stopped: 3, paused: 4 } as const;

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

shimSuite("shim: the task service", () => {
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

  for (const version of [2, 3]) {
    shows(contract, `version ${version} of the service is served`, async () => {
      const { shim, id, pid } = await world().running();

      const other = await ShimConnection.open({ socketPath: shim.socketPath, version });
      const state = await other.call("state", { id });

      expect(state).toMatchObject({ id, pid, status: status.running });
      other.close();
    });
  }

  shows(contract, "State tells all fields of a container and of an exec", async () => {
    const streams = world().fifos("stdin", "stdout", "stderr");
    const bundle = world().bundle();
    const { id, dir } = bundle;
    const shim = await world().start(bundle);

    const pid = await shim.create(bundle, streams);
    const common = { id, bundle: dir, execId: "", terminal: false, ...streams };
    const created = { ...common, pid, status: status.created, exitStatus: 0, exitedAt: undefined };
    expect(await shim.call("state", { id })).toEqual(created);
    await shim.exec(id, "e", shell("exit 7"), { stdout: streams.stdout });
    const exec = { ...common, execId: "e", stdin: "", stderr: "", pid: 0 };
    expect(await shim.call("state", { id, execId: "e" })).toEqual({ ...created, ...exec });

    expect(await shim.call("start", { id })).toEqual({ pid });
    expect(await shim.call("state", { id })).toEqual({ ...created, status: status.running });
    const execPid = (await shim.call("start", { id, execId: "e" })).pid;
    const { exitedAt } = await shim.call("wait", { id, execId: "e" });
    const ended = { status: status.stopped, exitStatus: 7, exitedAt };
    const state = await shim.call("state", { id, execId: "e" });
    expect(state).toEqual({ ...created, ...exec, pid: execPid, ...ended });
    const endedMs = Number(exitedAt?.seconds) * 1000;
    expect(Math.abs(Date.now() - endedMs)).toBeLessThan(callTimeoutMs);

    expect(await shim.call("delete", { id, execId: "e" })).toEqual({
      ...{ pid: execPid, exitStatus: 7, exitedAt },
    });
    expect((await refusalOf(shim.call("state", { id, execId: "e" }))).status).toBe(notFound);
  });

  shows(contract, "Wait answers all that wait, also who comes behind the end", async () => {
    const { shim, id, pid } = await world().running();
    const early = [shim.call("wait", { id }), shim.call("wait", { id })];

    await shim.call("kill", { id, signal: 15, all: true });
    await shim.call("kill", { id, signal: 9 }).catch(() => {});

    const ends = [...(await Promise.all(early)), await shim.call("wait", { id })];
    expect(ends[0]?.exitStatus).toBe(128 + 9);
    expect(ends).toEqual([ends[0], ends[0], ends[0]]);
    expect(await shim.call("delete", { id })).toEqual({ pid, ...ends[0] });
  });

  shows(contract, "a connection that ends while it waits is nobody's loss", async () => {
    const { shim, id } = await world().running();
    const other = await ShimConnection.open({ socketPath: shim.socketPath, version: 3 });
    const waiting = refusalOf(other.call("wait", { id }));

    other.close();

    expect((await waiting).status).toBe(StatusCode.unavailable);
    await shim.call("kill", { id, signal: 9 });
    expect((await shim.call("wait", { id })).exitStatus).toBe(128 + 9);
  });

  shows(contract, "Pids tells which of the processes are execs", async () => {
    const { shim, id, pid } = await world().running(shell("sleep 100000 & wait"));
    const execPid = await shim.runExec(id, "e", waits);

    const find = async () => (await shim.call("pids", { id })).processes;
    let found = await find();
    while (found.length < 3) found = await find();

    const named = found.map((one) => [
      one.pid,
      one.info === undefined ? undefined : unpack(ProcessDetails, one.info).execId,
    ]);
    expect(named).toHaveLength(3);
    expect(named).toEqual(
      expect.arrayContaining([
        [pid, undefined],
        [execPid, "e"],
      ]),
    );
    await shim.end(id);
  });

  shows(contract, "Stats are containerd's metrics of the machine's cgroups", async () => {
    const { shim, id } = await world().running();
    await shim.runExec(id, "e", waits);

    const { stats } = await shim.call("stats", { id });

    if (stats === undefined) throw new Error("there are no stats");
    const { version } = controllerDir("pids", "/");
    const count =
      version === 1
        ? unpack(LegacyMetrics, stats).pids?.current
        : unpack(UnifiedMetrics, stats).pids?.current;
    expect(kindOf(stats)).toBe(`io.containerd.cgroups.v${version}.Metrics`);
    expect(count).toBe(2n);
    await shim.end(id);
  });

  shows(contract, "Update changes limits", async () => {
    const { shim, id, bundle } = await world().running();

    await shim.call("update", { id, resources: json({ pids: { limit: 77 } }) });

    const { dir } = controllerDir("pids", bundle.cgroupPath);
    expect(readFileSync(join(dir, "pids.max"), "utf8")).toBe("77\n");
    const mistake = refusalOf(
      shim.call("update", { id, resources: json({ pids: { limit: "x" } }) }),
    );
    expect(await mistake).toEqual({
      status: invalidArgument,
      message: expect.stringMatching(/pids.*limit/),
    });
  });

  shows(contract, "a paused container stands still and goes on", async () => {
    const { shim, id, pid } = await world().running();

    await shim.call("pause", { id });
    expect((await shim.call("state", { id })).status).toBe(status.paused);
    expect((await refusalOf(shim.call("pause", { id }))).status).toBe(failedPrecondition);
    await shim.call("resume", { id });

    expect((await shim.call("state", { id })).status).toBe(status.running);
    expect((await refusalOf(shim.call("resume", { id }))).status).toBe(failedPrecondition);
    expect(isAlive(pid)).toBe(true);
  });

  shows(contract, "a paused container is killed", async () => {
    const { shim, id } = await world().running();
    await shim.call("pause", { id });

    await shim.call("kill", { id, signal: 9 });

    expect((await shim.call("wait", { id })).exitStatus).toBe(128 + 9);
    await shim.call("delete", { id });
  });

  shows(contract, "a container that was never started is deleted with what it is", async () => {
    const bundle = world().bundle();
    const { id } = bundle;
    const shim = await world().start(bundle);
    const pid = await shim.create(bundle);
    const ended = shim.call("wait", { id });

    const answer = await shim.call("delete", { id });

    expect(answer).toMatchObject({ pid, exitStatus: 128 + 9 });
    expect(await ended).toMatchObject({ exitStatus: 128 + 9 });
    expect(
      world()
        .leftovers()
        .filter((left) => !left.startsWith("socket")),
    ).toEqual([]);
  });

  shows(contract, "the shim stays while it has containers, and ends without any", async () => {
    const { shim, id, pid } = await world().running();

    await shim.call("shutdown", { id });
    expect(await shim.call("connect", { id })).toMatchObject({ shimPid: shim.pid, taskPid: pid });
    await shim.end(id);
    expect(await shim.call("connect", { id })).toMatchObject({ shimPid: shim.pid, taskPid: 0 });
    await shim.call("shutdown", { id });

    await until("the shim to end", () => !isAlive(shim.pid));
    expect(existsSync(shim.socketPath)).toBe(false);
    expect(shim.log.text).toBe("");
  });

  shows(contract, "a shim that is told to end now leaves its containers", async () => {
    const { shim, id, pid } = await world().running();

    await shim.call("shutdown", { id, now: true }).catch(() => {});

    await until("the shim to end", () => !isAlive(shim.pid));
    expect(isAlive(pid)).toBe(true);
    expect(readProcFile(pid, "comm")).toBe("busybox\n");
  });

  for (const [what, spoil, part] of [
    [
      "a config that is none",
      ({ dir }: Bundle) => writeFileSync(join(dir, "config.json"), '{"ociVersion":'),
      "config.json",
    ],
    ["no rootfs", ({ dir }: Bundle) => rmSync(join(dir, "rootfs"), { recursive: true }), "busybox"],
    [
      "a program that is not there",
      ({ dir }: Bundle) => rmSync(join(dir, "rootfs/bin/busybox")),
      "/bin/busybox",
    ],
    ["a file in the place of /proc", (bundle: Bundle) => asFile(bundle, "rootfs/proc"), "proc"],
  ] as const) {
    shows("promise", `with ${what} nothing is created, and it can be tried again`, async () => {
      const bundle = world().bundle();
      const shim = await world().start(bundle);
      spoil(bundle);

      const { message } = await refusalOf(shim.run(bundle));

      expect(message).toContain(part);
      expect(message).toMatch(/^OCI runtime (create|start) failed: /);
      await shim.call("delete", { id: bundle.id }).catch(() => {});
      const state = await refusalOf(shim.call("state", { id: bundle.id }));
      expect(state.status).toBe(notFound);
      expect(world().leftovers()).toEqual([`socket ${shim.socketPath}`]);
    });
  }

  const asFile = ({ dir }: Bundle, path: string) => {
    rmSync(join(dir, path), { recursive: true });
    writeFileSync(join(dir, path), "");
  };

  shows(
    "promise",
    "a mount of the rootfs that fails leaves nothing of those before it",
    async () => {
      const bundle = world().bundle();
      const shim = await world().start(bundle);
      const tmpfs = { type: "tmpfs", source: "none", options: [] };
      const mounts = [tmpfs, { ...tmpfs, options: ["none-of-these"] }];

      const { message } = await refusalOf(
        shim.connection.create(world().program, bundle, { mounts }),
      );

      expect(message).toContain("none-of-these");
      expect(world().leftovers()).toEqual([`socket ${shim.socketPath}`]);
    },
  );

  shows(contract, "what containerd has mounted by us goes with the container", async () => {
    const bundle = world().bundle();
    const { id, dir } = bundle;
    const shim = await world().start(bundle);
    const source = join(dir, "rootfs");
    const mounts = [{ type: "bind", source, options: ["rbind", "ro"] }];

    await shim.connection.create(world().program, bundle, { mounts });
    expect(world().leftovers()).toContain(`mount ${source}`);
    await shim.call("start", { id });
    await shim.end(id);

    expect(world().leftovers()).toEqual([`socket ${shim.socketPath}`]);
  });
});
