import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DeleteResponse } from "../../src/generated/shim/task";
import { until } from "../support/background";
import { type Config, withoutNamespace } from "../support/config";
import { isAlive, readProcFile, statusField } from "../support/host";
import { shows } from "../support/shows";
import { type Bundle, type Shim, shell, shimSuite, useShims, waits } from "./use-shims";

const contract = "containerd's runtime v2";
const killed = 128 + 9;

shimSuite("shim: ends", () => {
  const world = useShims();

  /** A hook on the host that waits until it is let go. */
  function holding(): {
    edit: (config: Config) => void;
    isHeld: () => boolean;
    release: () => void;
  } {
    const held = join(world().dir, "held");
    const { gate } = world().fifos("gate");
    const path = "/bin/busybox";
    const waitsForUs = `echo $$ >${held}; read line <${gate}`;
    // When the test fails, nobody lets it go.
    const args = ["busybox", "timeout", "60", "busybox", "sh", "-c", waitsForUs];
    return {
      edit: (config) => {
        config.hooks = { createRuntime: [{ path, args }] };
      },
      isHeld: () => existsSync(held) && readFileSync(held, "utf8").endsWith("\n"),
      release: () => writeFileSync(gate, "\n"),
    };
  }

  shows(contract, "delete cleans up after a shim that was killed, and does so again", async () => {
    const { shim, id, pid, bundle } = await world().running();
    const before = Math.floor(Date.now() / 1000);
    await shim.kill();
    expect(isAlive(pid)).toBe(true);

    const answer = await world().program.delete(bundle);

    expect(answer).toMatchObject({ pid, exitStatus: killed });
    expect(Number(answer.exitedAt?.seconds)).toBeGreaterThanOrEqual(before);
    expect(isAlive(pid)).toBe(false);
    expect(world().leftovers()).toEqual([]);
    expect(await world().program.delete(bundle)).toMatchObject({ pid: 0, exitStatus: killed });
    // The name is free.
    const next = await world().start(bundle);
    await next.run(bundle);
    await next.end(id);
  });

  shows(contract, "delete prints its answer and nothing else", async () => {
    const { shim, bundle } = await world().running();
    await shim.kill();

    const { program } = world();
    const { status, stdout, stderr } = await program.run(program.invocation("delete", bundle));

    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const answer = DeleteResponse.decode(stdout);
    expect(Buffer.from(DeleteResponse.encode(answer).finish())).toEqual(stdout);
  });

  shows(contract, "delete of one container leaves the others of its group", async () => {
    const bundles = [1, 2].map(() => world().bundle(waits, { group: "pod" }));
    const [first, second] = bundles as [Bundle, Bundle];
    const shim = await world().start(first);
    await shim.run(first);
    const pid = await shim.run(second);
    await shim.kill();

    await world().program.delete(first);

    expect(isAlive(pid)).toBe(true);
    const cgroups = world().leftovers();
    expect(cgroups.length).toBeGreaterThan(0);
    expect(cgroups.filter((left) => left.includes(`/${first.id}`))).toEqual([]);
  });

  shows(contract, "delete of one container leaves the socket to a shim that serves", async () => {
    const bundles = [1, 2].map(() => world().bundle(waits, { group: "pod" }));
    const [first, second] = bundles as [Bundle, Bundle];
    const shim = await world().start(first);
    await shim.run(second);

    await world().program.delete(first);

    expect(existsSync(shim.socketPath)).toBe(true);
    expect((await world().start(second)).pid).toBe(shim.pid);
  });

  shows("promise", "delete cleans up after a shim that was killed in a create", async () => {
    const hook = holding();
    const bundle = world().bundle(waits, { edit: hook.edit });
    const shim = await world().start(bundle);
    const source = join(bundle.dir, "rootfs");
    const mounts = [{ type: "bind", source, options: ["rbind", "ro"] }];
    shim.connection.create(world().program, bundle, { mounts }).catch(() => {});
    await until("the hook", hook.isHeld);
    await shim.kill();
    expect(world().leftovers()).toContain(`mount ${source}`);

    const answer = await world().program.delete(bundle);

    hook.release();
    expect(answer).toMatchObject({ exitStatus: killed });
    expect(world().leftovers()).toEqual([]);
  });

  for (const [what, spoil] of [
    ["was never made", () => {}],
    ["has no config any more", ({ dir }: Bundle) => rmSync(join(dir, "config.json"))],
    [
      "has no rootfs any more",
      ({ dir }: Bundle) => rmSync(join(dir, "rootfs"), { recursive: true }),
    ],
  ] as const) {
    shows(contract, `delete of a container that ${what} is no mistake`, async () => {
      const bundle = world().bundle();
      const shim = await world().start(bundle);
      await shim.kill();
      spoil(bundle);

      expect(await world().program.delete(bundle)).toMatchObject({ pid: 0, exitStatus: killed });
      expect(existsSync(shim.socketPath)).toBe(false);
    });
  }

  shows(
    "promise",
    "what the shim writes down is for root alone, and says where the state is",
    async () => {
      const { bundle } = await world().running();

      const file = join(bundle.dir, "options.json");

      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
        stateRoot: join(world().stateRoot, "shim-tests"),
        systemdCgroup: false,
      });
    },
  );

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    shows("promise", `${signal} ends the shim, and its containers go on`, async () => {
      const { shim, pid, bundle } = await world().running();

      process.kill(shim.pid, signal);

      await until("the shim to end", () => !isAlive(shim.pid));
      expect(existsSync(shim.socketPath)).toBe(false);
      expect(isAlive(pid)).toBe(true);
      expect(shim.log.text).toBe("");
      expect(await world().program.delete(bundle)).toMatchObject({ pid });
    });
  }

  shows("promise", "a hook that hangs holds up its own container alone", async () => {
    const hook = holding();
    const bundles = [hook.edit, undefined].map((edit) =>
      world().bundle(waits, { group: "pod", ...(edit && { edit }) }),
    );
    const [stuck, other] = bundles as [Bundle, Bundle];
    const shim = await world().start(stuck);
    const created = shim.create(stuck);
    await until("the hook", hook.isHeld);

    const { id } = other;
    const pid = await shim.run(other);
    await shim.runExec(id, "e", shell("exit 4"));
    expect((await shim.call("wait", { id, execId: "e" })).exitStatus).toBe(4);
    expect((await shim.call("pids", { id })).processes).toHaveLength(1);
    await shim.call("pause", { id });
    await shim.call("resume", { id });
    expect(await shim.call("state", { id })).toMatchObject({ pid, status: 2 });
    await shim.end(id);

    hook.release();
    expect(isAlive(await created)).toBe(true);
    await shim.call("delete", { id: stuck.id });
  });

  shows("promise", "of 200 processes at once each has its own exit status", async () => {
    const { shim, id } = await world().running();
    const before = children(shim).length;

    const codes = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const execId = `e${index}`;
        await shim.runExec(id, execId, ["/probe", "--quiet", "--exit", String(index)]);
        const { exitStatus } = await shim.call("wait", { id, execId });
        const removed = await shim.call("delete", { id, execId });
        return [exitStatus, removed.exitStatus];
      }),
    );

    expect(codes).toEqual(Array.from({ length: 200 }, (_, index) => [index, index]));
    expect(children(shim)).toHaveLength(before);
    await shim.end(id);
  });

  const children = ({ pid }: Shim) =>
    (readProcFile(pid, `task/${pid}/children`) ?? "").split(" ").filter(Boolean).map(Number);

  shows("promise", "a container in the host's pid namespace leaves no process behind", async () => {
    const { stdout } = world().fifos("stdout");
    const output = world().reader(stdout);
    const leaves = "busybox sh -c 'busybox sleep 100000 & echo $!; busybox sleep 0 & echo $!'";
    const { shim, id } = await world().running(
      shell(`${leaves}; exec busybox sleep 100000`),
      { edit: (config) => withoutNamespace(config, "pid") },
      { stdout },
    );
    await until("both pids", () => output.text.split("\n").length === 3);
    const [orphan = 0, ended = 0] = output.text.split("\n").map(Number);

    // Both have lost their parent; the shim collects the one that has ended.
    await until("the shim to have it", () => statusField(orphan, "PPid") === String(shim.pid));
    await until("the other to be collected", () => !existsSync(`/proc/${ended}`));
    expect(isAlive(orphan)).toBe(true);
    await shim.call("kill", { id, signal: 9 });
    await shim.call("wait", { id });

    await until("the orphan to end and be collected", () => !existsSync(`/proc/${orphan}`));
    await shim.call("delete", { id });
    expect(children(shim)).toEqual([]);
  });

  shows(
    "promise",
    "what a container in the host's pid namespace started ends when its first process does",
    async () => {
      const { stdout } = world().fifos("stdout");
      const output = world().reader(stdout);
      const { shim, id } = await world().running(
        shell("busybox sleep 100000 & echo $!"),
        { edit: (config) => withoutNamespace(config, "pid") },
        { stdout },
      );
      await until("the pid", () => output.text.endsWith("\n"));
      const orphan = Number(output.text);

      await shim.call("wait", { id });

      await until("the orphan to end and be collected", () => !existsSync(`/proc/${orphan}`));
      await shim.call("delete", { id });
    },
  );

  shows("promise", "a signal to all reaches all", async () => {
    const { stdout } = world().fifos("stdout");
    const output = world().reader(stdout);
    const waitsAnd = (does: string) =>
      shell(`trap '${does}' TERM; echo ready; while :; do busybox sleep 0.01; done`);
    const { shim, id } = await world().running(
      waitsAnd("echo told"),
      { edit: (config) => withoutNamespace(config, "pid") },
      { stdout },
    );
    const exec = world().fifos("stdout");
    const execOutput = world().reader(exec.stdout);
    await shim.runExec(id, "e", waitsAnd("echo told; exit 3"), exec);
    await until("both", () => output.text === "ready\n" && execOutput.text === "ready\n");

    await shim.call("kill", { id, signal: 15, all: true });

    expect(await shim.call("wait", { id, execId: "e" })).toMatchObject({ exitStatus: 3 });
    await until("the first to be told", () => output.text === "ready\ntold\n");
    expect(await execOutput.end).toBe("ready\ntold\n");
    await shim.end(id);
  });
});
