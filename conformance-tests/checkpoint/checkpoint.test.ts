import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkpoint, expectSilence, imageFlags, makeCounter, withCriu } from "../support/criu";
import { logHooks } from "../support/hook";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("checkpoint", () => {
  const container = useContainers();

  function running() {
    const box = container();
    const counter = makeCounter(box);
    box.do("run", ["--detach"]);
    counter.waitUntilReady();
    return { box, counter };
  }

  shows(
    "runc: checkpoint",
    "the images are there, and nothing of the container is",
    () => {
      const { box } = running();

      expectSilence(checkpoint(box));

      const images = readdirSync(join(box.dir, "images"));
      expect(images).toEqual(expect.arrayContaining(["inventory.img", "descriptors.json"]));
      expect(existsSync(join(box.dir, "work", "dump.log"))).toBe(true);
      expectRefusal(box.attempt("state"), "container does not exist");
      expect(box.leftovers()).toEqual([]);
    },
    ["CRIU"],
  );

  shows(
    "runc: checkpoint",
    "nobody but the owner may read the images",
    () => {
      const { box } = running();

      expectSilence(checkpoint(box));

      expect(statSync(join(box.dir, "images")).mode & 0o777).toBe(0o700);
      const descriptors = join(box.dir, "images", "descriptors.json");
      expect(statSync(descriptors).mode & 0o777).toBe(0o600);
      const streams = JSON.parse(readFileSync(descriptors, "utf8"));
      expect(streams).toEqual(["/dev/null", expect.any(String), expect.any(String)]);
    },
    ["CRIU"],
  );

  shows(
    "runc: checkpoint",
    "without --image-path the images come into the working directory",
    () => {
      const { box } = running();

      expectSilence(box.attempt("checkpoint", [], { ...withCriu(), cwd: box.dir }));

      const images = readdirSync(join(box.dir, "checkpoint"));
      expect(images).toEqual(expect.arrayContaining(["inventory.img", "dump.log"]));
    },
    ["CRIU"],
  );

  shows(
    "runc: checkpoint --leave-running",
    "a container that is left running goes on where it was",
    () => {
      const { box, counter } = running();
      const { pid } = box.state();
      expect(counter.ask("one")).toBe("1 one");

      expectSilence(checkpoint(box, "--leave-running"));

      expect(counter.ask("two")).toBe("2 two");
      expect(box.state()).toMatchObject({ status: "running", pid });
    },
    ["CRIU"],
  );

  shows(
    "runtime.md#lifecycle",
    "poststop hooks run when the checkpoint has ended the container",
    () => {
      const box = container();
      const counter = makeCounter(box);
      const lines = logHooks(box, ["poststop"]);
      box.do("run", ["--detach"]);
      counter.waitUntilReady();

      expectSilence(checkpoint(box, "--leave-running"));
      expect(lines()).toEqual([]);
      expectSilence(checkpoint(box));

      expect(lines()).toEqual(["poststop"]);
    },
    ["CRIU"],
  );

  shows(
    "runc: checkpoint --pre-dump",
    "memory is dumped before the rest, or the kernel cannot tell what has changed",
    () => {
      const { box, counter } = running();
      const flags = [...imageFlags(box, "first"), "--pre-dump"];

      const first = box.attempt("checkpoint", flags, withCriu());

      expect(counter.ask("one")).toBe("1 one");
      if (first.status !== 0) {
        expectRefusal(first, "--pre-dump: CRIU and this kernel cannot track changes of memory");
        return;
      }
      expectSilence(checkpoint(box, "--parent-path", "../first"));
      expect(existsSync(join(box.dir, "images", "parent"))).toBe(true);
    },
    ["CRIU"],
  );

  shows(
    "runc: checkpoint",
    "a failure has CRIU's complaint and the path of its log, and the container goes on",
    () => {
      const box = container();
      // A file of the host, which CRIU does not find in the container.
      const counter = makeCounter(box, "exec >/dev/null 2>&1 4<&3");
      const fd = openSync(join(box.dir, "held"), "w");
      box.do("run", ["--detach", "--preserve-fds", "1"], { fds: [fd] });
      closeSync(fd);
      counter.waitUntilReady();

      const failed = checkpoint(box);

      expectRefusal(failed, `checkpoint "${box.id}": criu dump`, /Can't lookup mount=\d+ for fd=4/);
      expect(failed.stderr).toContain(`(its log is "${join(box.dir, "work", "dump.log")}")`);
      expect(counter.ask("one")).toBe("1 one");
      expect(box.state().status).toBe("running");
    },
    ["CRIU"],
  );
});
