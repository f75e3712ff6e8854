import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CheckpointOptions } from "../../src/generated/shim/options";
import { pack } from "../../src/shim/any";
import { until } from "../support/background";
import { withoutNamespace } from "../support/config";
import { withCriu } from "../support/criu";
import { isAlive } from "../support/host";
import { shows } from "../support/shows";
import { type Bundle, refusalOf, shell, shimSuite, useShims } from "./use-shims";

const contract = "containerd's runtime v2";
const none = new Uint8Array();
const status = { created: 1, running: 2 } as const;

shimSuite("shim: checkpoints", () => {
  const world = useShims();

  /** A container that counts in its memory, and what it has come to. */
  function counter(): { bundle: Bundle; count: () => number } {
    const shared = join(world().dir, "shared");
    mkdirSync(shared);
    const counts = "n=0; while :; do n=$((n + 1)); echo $n >/tmp/n; busybox sleep 0.01; done";
    const bundle = world().bundle(shell(counts), {
      edit: (config) => {
        const options = ["bind", "rw"];
        config.mounts.push({ destination: "/tmp", type: "bind", source: shared, options });
        // CRIU locks that of a container by a program that not every machine has.
        withoutNamespace(config, "network");
      },
    });
    const file = join(shared, "n");
    return { bundle, count: () => (existsSync(file) ? Number(readFileSync(file, "utf8")) : 0) };
  }

  shows(
    contract,
    "a container goes on where its checkpoint was taken",
    async () => {
      world().program = world().programWith({ environment: withCriu().env });
      const { bundle, count } = counter();
      const { id, dir } = bundle;
      const images = join(world().dir, "images");
      const shim = await world().start(bundle);
      const pid = await shim.run(bundle);
      await until("it to count", () => count() > 10);

      const exit = pack(CheckpointOptions, { ...CheckpointOptions.decode(none), exit: true });
      await shim.call("checkpoint", { id, path: images, options: exit });

      await shim.call("wait", { id });
      expect(isAlive(pid)).toBe(false);
      await shim.call("delete", { id });
      const counted = count();
      const { options } = world().program;
      const created = await shim.call("create", { id, bundle: dir, checkpoint: images, options });
      expect(created.pid).toBe(0);
      expect(await shim.call("state", { id })).toMatchObject({ status: status.created });
      const restored = await shim.call("start", { id });
      expect(await shim.call("state", { id })).toMatchObject({
        ...{ pid: restored.pid, status: status.running },
      });
      const next = await until("it to go on", () => count() > counted && count());
      expect(next).toBeLessThan(2 * counted + 1000);
      await shim.end(id);

      await world().containerd.waitFor(id, "/tasks/delete", 10_000, () => {
        const deletions = world().containerd.eventsOf(id);
        return (
          deletions.filter(({ topic }: { topic: string }) => topic === "/tasks/delete").length === 2
        );
      });
      const told = world()
        .containerd.eventsOf(id)
        .map(({ topic, event }: { topic: string; event: { checkpoint?: string } }) =>
          [topic.slice("/tasks/".length), event.checkpoint].filter(Boolean).join(" "),
        );
      // CRIU has ended the container before it says that it is done.
      const checkpointed = `checkpointed ${images}`;
      expect(told.filter((topic: string) => topic === checkpointed)).toHaveLength(1);
      expect(told.filter((topic: string) => topic !== checkpointed)).toEqual([
        ...["create", "start", "exit", "delete"],
        ...[`create ${images}`, "start", "exit", "delete"],
      ]);
    },
    ["CRIU"],
  );

  shows(
    contract,
    "a container goes on beside its checkpoint, unless it is to exit",
    async () => {
      world().program = world().programWith({ environment: withCriu().env });
      const { bundle, count } = counter();
      const shim = await world().start(bundle);
      const pid = await shim.run(bundle);
      const images = join(world().dir, "images");
      await until("it to count", () => count() > 0);

      await shim.call("checkpoint", { id: bundle.id, path: images });

      const counted = count();
      await until("it to go on", () => count() > counted);
      expect(await shim.call("state", { id: bundle.id })).toMatchObject({ pid });
      expect(existsSync(join(images, "inventory.img"))).toBe(true);
      await shim.end(bundle.id);
    },
    ["CRIU"],
  );

  for (const isStarted of [true, false]) {
    const when = isStarted ? "is told at the start" : "may be deleted before";
    shows("promise", `a checkpoint that is none ${when}, and nothing is left`, async () => {
      const bundle = world().bundle();
      const { id, dir } = bundle;
      const checkpoint = join(world().dir, "none");
      const shim = await world().start(bundle);
      const { options } = world().program;
      await shim.call("create", { id, bundle: dir, checkpoint, options });
      const ended = shim.call("wait", { id });

      if (isStarted) {
        const { message } = await refusalOf(shim.call("start", { id }));
        expect(message).toContain(checkpoint);
        expect((await ended).exitStatus).toBe(255);
      }

      expect(await shim.call("delete", { id })).toMatchObject({ pid: 0, exitStatus: 255 });
      expect((await ended).exitStatus).toBe(255);
      expect(world().leftovers()).toEqual([`socket ${shim.socketPath}`]);
    });
  }
});
