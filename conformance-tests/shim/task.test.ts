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
import { type Bundle, refusalOf, shell, shimSuite, useShims, waits } from "./use-shims";

const contract = "containerd's runtime v2";
const { notFound, alreadyExists, failedPrecondition, invalidArgument } = StatusCode;
const json = (value: unknown) => ({ typeUrl: "", value: Buffer.from(JSON.stringify(value)) });
const status = { created: 1, running: 2, stopped: 3, paused: 4 } as const;

shimSuite("shim: the task service", () => {
  const world = useShims();

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

  shows(
    contract,
    "an exec that runs is not deleted nor started again, and is killed alone",
    async () => {
      const { shim, id } = await world().running();
      const e = { id, execId: "e" };
      const pid = await shim.runExec(id, "e", waits);

      expect((await refusalOf(shim.call("start", e))).status).toBe(failedPrecondition);
      expect((await refusalOf(shim.call("delete", e))).status).toBe(failedPrecondition);
      expect(await shim.call("state", e)).toMatchObject({ pid, status: status.running });
      await shim.call("kill", { ...e, signal: 9 });

      expect(await shim.call("wait", e)).toMatchObject({ exitStatus: 128 + 9 });
      expect((await refusalOf(shim.call("kill", { ...e, signal: 0 }))).status).toBe(notFound);
      expect((await refusalOf(shim.call("start", e))).status).toBe(failedPrecondition);
      expect(await shim.call("delete", e)).toMatchObject({ pid, exitStatus: 128 + 9 });
      expect((await refusalOf(shim.call("wait", e))).status).toBe(notFound);
      expect(await shim.call("state", { id })).toMatchObject({ status: status.running });
    },
  );

  shows("promise", "of two calls at once that exclude each other one is refused", async () => {
    const bundle = world().bundle(shell("exit 3"));
    const { id, dir } = bundle;
    const shim = await world().start(bundle);
    const { options } = world().program;
    /** The status of the second; the first has to work. */
    const both = async (first: Promise<unknown>, second: Promise<unknown>) => {
      const refusal = await refusalOf(second);
      await first;
      return refusal.status;
    };

    const create = () => shim.call("create", { id, bundle: dir, options });
    expect(await both(create(), create())).toBe(alreadyExists);
    const start = () => shim.call("start", { id });
    expect(await both(start(), start())).toBe(failedPrecondition);
    expect(await shim.call("wait", { id })).toMatchObject({ exitStatus: 3 });
    const removed = await Promise.all([shim.call("delete", { id }), shim.call("delete", { id })]);
    expect(removed[1]).toEqual(removed[0]);
    await world().containerd.waitFor(id, "/tasks/delete", 10_000);
    const topics = world()
      .containerd.eventsOf(id)
      .map(({ topic }: { topic: string }) => topic.slice("/tasks/".length));
    expect(topics).toEqual(["create", "start", "exit", "delete"]);
  });

  shows("promise", "an exec that is being started is not deleted", async () => {
    const { shim, id } = await world().running();
    const e = { id, execId: "e" };
    await shim.exec(id, "e", shell("exit 3"));

    const started = shim.call("start", e);
    const { status: refusal } = await refusalOf(shim.call("delete", e));

    expect(refusal).toBe(failedPrecondition);
    expect((await started).pid).toBeGreaterThan(0);
    expect(await shim.call("wait", e)).toMatchObject({ exitStatus: 3 });
    await shim.call("delete", e);
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
