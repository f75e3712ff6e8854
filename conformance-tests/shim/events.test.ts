import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Any } from "../../src/generated/shim/any";
import { TaskExit } from "../../src/generated/shim/events";
import { kindOf, unpack } from "../../src/shim/any";
import { StatusCode } from "../../src/shim/ttrpc/status";
import { until } from "../support/background";
import { shows } from "../support/shows";
import { faultsOf } from "./event-order.mjs";
import { addressIn } from "./shim.mjs";
import { namespace, refusalOf, shell, shimSuite, useShims } from "./use-shims";

const contract = "containerd's runtime v2";
const deadlineMs = 10_000;

interface Told {
  readonly topic: string;
  readonly namespace: string;
  readonly event: Record<string, unknown>;
}

shimSuite("shim: events", () => {
  const world = useShims();

  const eventsOf = (id: string) => world().containerd.eventsOf(id) as Told[];
  const topicsOf = (id: string) => eventsOf(id).map(({ topic }) => topic.slice("/tasks/".length));
  const told = (id: string, topic: string, fits?: (event: Record<string, unknown>) => boolean) =>
    world().containerd.waitFor(id, `/tasks/${topic}`, deadlineMs, fits);

  shows(contract, "a life is told with all that belongs to it", async () => {
    const streams = world().fifos("stdin", "stdout", "stderr");
    const { shim, id, pid, bundle } = await world().running(undefined, {}, streams);
    const execPid = await shim.runExec(id, "e", shell("exit 3"));
    const execEnd = await shim.call("wait", { id, execId: "e" });
    await shim.call("delete", { id, execId: "e" });
    await shim.call("pause", { id });
    await shim.call("resume", { id });
    await shim.call("kill", { id, signal: 9 });
    const end = await shim.call("wait", { id });
    await shim.call("delete", { id });
    await told(id, "delete");

    const of = { containerId: id };
    const io = { ...streams, terminal: false };
    const ended = { ...of, pid, ...end };
    expect(eventsOf(id)).toEqual(
      (
        [
          ["create", { ...of, bundle: bundle.dir, rootfs: [], io, checkpoint: "", pid }],
          ["start", { ...of, pid }],
          ["exec-added", { ...of, execId: "e" }],
          ["exec-started", { ...of, execId: "e", pid: execPid }],
          ["exit", { ...of, id: "e", pid: execPid, ...execEnd }],
          ["paused", of],
          ["resumed", of],
          ["exit", { ...ended, id }],
          ["delete", { ...ended, id: "" }],
        ] as const
      ).map(([topic, event]) => ({ topic: `/tasks/${topic}`, namespace, event })),
    );
  });

  shows(contract, "processes that end at once are told in their order", async () => {
    const { shim, id } = await world().running();
    const codes = new Map(Array.from({ length: 20 }, (_, index) => [`e${index}`, index + 1]));
    await Promise.all(
      [...codes].map(async ([execId, code]) => {
        await shim.runExec(id, execId, shell(`exit ${code}`));
        expect((await shim.call("wait", { id, execId })).exitStatus).toBe(code);
      }),
    );
    await shim.end(id);
    await told(id, "delete");

    const complete = { isComplete: true, codes: codes.set("", 128 + 9) };
    expect(faultsOf(id, eventsOf(id), complete)).toEqual([]);
  });

  shows(contract, "the exit of a container comes behind those of its execs", async () => {
    const { shim, id } = await world().running(shell("read line"), {}, world().fifos("stdin"));
    const execIds = ["e1", "e2", "e3"];
    for (const execId of execIds) await shim.runExec(id, execId, shell("sleep 100000"));

    await shim.call("kill", { id, signal: 9 });
    const ends = ["", ...execIds].map((execId) => shim.call("wait", { id, execId }));

    expect((await Promise.all(ends)).map(({ exitStatus }) => exitStatus)).toEqual(
      Array(4).fill(128 + 9),
    );
    await told(id, "exit", (event) => event.id === id);
    const exits = eventsOf(id).filter(({ topic }) => topic === "/tasks/exit");
    expect(
      exits
        .map(({ event }) => event.id)
        .slice(0, 3)
        .sort(),
    ).toEqual(execIds);
    expect(exits.map(({ event }) => event.id).slice(3)).toEqual([id]);
  });

  shows("promise", "a start that fails is no start, and the container's end is told", async () => {
    const bundle = world().bundle();
    const { id } = bundle;
    const shim = await world().start(bundle);
    await shim.create(bundle);
    rmSync(join(bundle.dir, "rootfs/bin/busybox"));

    const { message } = await refusalOf(shim.call("start", { id }));

    expect(message).toMatch(/^OCI runtime start failed: .*busybox.*ENOENT/);
    const { exitStatus } = await shim.call("wait", { id });
    expect(exitStatus).toBeGreaterThan(0);
    await shim.call("delete", { id });
    await told(id, "delete");
    expect(topicsOf(id)).toEqual(["create", "exit", "delete"]);
  });

  shows("promise", "an exec that fails has no end but for who waits for it", async () => {
    const { shim, id } = await world().running();
    await shim.exec(id, "e", ["/there/is/none"]);
    const ended = shim.call("wait", { id, execId: "e" });

    const { message } = await refusalOf(shim.call("start", { id, execId: "e" }));

    expect(message).toMatch(/^OCI runtime exec failed: .*"\/there\/is\/none"/);
    expect((await ended).exitStatus).toBe(255);
    expect(await shim.call("delete", { id, execId: "e" })).toMatchObject({ exitStatus: 255 });
    expect((await refusalOf(shim.call("start", { id, execId: "e" }))).status).toBe(
      StatusCode.notFound,
    );
    await shim.end(id);
    await told(id, "delete");
    expect(topicsOf(id)).toEqual(["create", "start", "exec-added", "exit", "delete"]);
  });

  shows("promise", "while containerd is away events wait, and come in their order", async () => {
    const bundle = world().bundle();
    const { id } = bundle;
    const shim = await world().start(bundle);
    await shim.create(bundle);
    await told(id, "create");
    await world().containerd.close();

    await shim.call("start", { id });
    await shim.end(id);
    await world().listen();

    await told(id, "delete");
    expect(topicsOf(id)).toEqual(["start", "exit", "delete"]);
  });

  shows(contract, "without a socket for events containerd's program publishes them", async () => {
    const bundle = world().bundle();
    const { id } = bundle;
    const taken = join(world().dir, "taken");
    const publisher = join(world().dir, "publisher");
    const body = `read=$(cat | base64 -w0)\necho "$@" "$read" >>${taken}\n`;
    writeFileSync(publisher, `#!/bin/sh\n${body}`, { mode: 0o755 });
    const args = (usual: string[]) => usual.map((arg) => (arg === "/bin/true" ? publisher : arg));

    const { stdout } = await world().answerOf(bundle, { args, env: { TTRPC_ADDRESS: "" } });
    const shim = await world().attach(bundle, addressIn(stdout.toString()));
    const pid = await shim.run(bundle);
    await shim.end(id);

    const lines = await until("the last event", () => {
      const all = existsSync(taken) ? readFileSync(taken, "utf8").trimEnd().split("\n") : [];
      return all.length === 4 && all;
    });
    const address = world().containerd.grpcAddress;
    const words = lines.map((line) => line.split(" "));
    expect(words.map((line) => line.slice(0, -1).join(" "))).toEqual(
      ["create", "start", "exit", "delete"].map(
        (topic) => `--address ${address} publish --topic /tasks/${topic} --namespace ${namespace}`,
      ),
    );
    const exit = Any.decode(Buffer.from(words[2]?.at(-1) ?? "", "base64"));
    expect(kindOf(exit)).toBe("containerd.events.TaskExit");
    expect(unpack(TaskExit, exit)).toMatchObject({ containerId: id, id, pid, exitStatus: 137 });
    expect(eventsOf(id)).toEqual([]);
  });

  shows("promise", "a cgroup that goes and comes again has not run out of memory", async () => {
    const bundle = world().bundle();
    const { id } = bundle;
    const shim = await world().start(bundle);

    for (let times = 0; times < 10; times++) {
      await shim.create(bundle);
      await shim.call("delete", { id });
    }
    await shim.run(bundle);
    await shim.end(id);

    await told(id, "start");
    await until("the last deletion", () => topicsOf(id).at(-1) === "delete");
    expect(topicsOf(id).filter((topic) => topic === "oom")).toEqual([]);
  });

  shows("promise", "a container whose memory runs out tells so", async () => {
    const allocate = "dd if=/dev/zero of=/dev/null bs=64M count=1";
    const limit = 16 << 20;
    const { shim, id } = await world().running(undefined, {
      edit: (config) => {
        config.linux.resources = { memory: { limit, swap: limit } };
      },
    });
    await shim.runExec(id, "e", shell(`${allocate}; exit 5`));

    expect((await shim.call("wait", { id, execId: "e" })).exitStatus).toBe(5);

    await told(id, "oom");
    await shim.end(id);
  });
});
