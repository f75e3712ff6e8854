import { execFileSync } from "node:child_process";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import {
  checkpoint,
  expectSilence,
  imageFlags,
  makeCounter,
  restore,
  withCriu,
} from "../support/criu";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("checkpoint: streams", () => {
  const container = useContainers();
  const held: number[] = [];
  afterEach(() => {
    for (const fd of held.splice(0)) closeSync(fd);
  });

  /** Fifos of the host, of which the test holds both ends, and what starts a runtime with them. */
  function makeFifos(box: Container, name: string) {
    const paths = ["stdin", "stdout", "stderr"].map((stream) => join(box.dir, `${name}-${stream}`));
    execFileSync("mkfifo", paths);
    const fds = paths.map((path) => openSync(path, "r+"));
    held.push(...fds);
    const [, output = -1] = fds;
    return {
      paths,
      read(): string {
        const bytes = Buffer.alloc(100);
        return bytes.toString("utf8", 0, readSync(output, bytes));
      },
      through: [
        "sh",
        "-c",
        'exec "$@" <"$0-stdin" >"$0-stdout" 2>"$0-stderr"',
        join(box.dir, name),
      ],
    };
  }
  /** The shell has its standard input elsewhere while it reads a question. */
  function openFiles(box: Container): string[] {
    const dir = `/proc/${box.state().pid}/fd`;
    return readdirSync(dir).map((fd) => readlinkSync(join(dir, fd)));
  }

  shows(
    "containerd: restore",
    "fifos of the host for its streams are the new caller's, and those of before may be gone",
    () => {
      const box = container();
      const counter = makeCounter(box, ":");
      const first = makeFifos(box, "first");
      box.do("run", ["--detach"], { through: first.through });
      counter.waitUntilReady();
      expect(counter.ask("one")).toBe("1 one");
      expect(first.read()).toBe("1 one\n");
      expect(openFiles(box)).toEqual(expect.arrayContaining(first.paths));
      for (const path of first.paths) rmSync(path);
      expectSilence(checkpoint(box));

      const second = makeFifos(box, "second");
      const through = { ...withCriu(), through: second.through };
      expectSilence(box.attempt("restore", [...imageFlags(box), "--detach"], through));

      expect(openFiles(box)).toEqual(expect.arrayContaining(second.paths));
      expect(counter.ask("two")).toBe("2 two");
      expect(second.read()).toBe("2 two\n");
      // What was restored can be so again.
      expectSilence(checkpoint(box));
      const third = makeFifos(box, "third");
      const again = { ...withCriu(), through: third.through };
      expectSilence(box.attempt("restore", [...imageFlags(box), "--detach"], again));
      expect([counter.ask("three"), third.read()]).toEqual(["3 three", "3 three\n"]);
    },
    ["CRIU"],
  );

  shows(
    "runc: restore",
    "a log of the host that is appended to is the new caller's",
    () => {
      const box = container();
      const counter = makeCounter(box, ":");
      const appending = (name: string) => ({
        ...withCriu(),
        through: ["sh", "-c", 'exec "$@" >>"$0" 2>&1', join(box.dir, name)],
      });
      box.do("run", ["--detach"], appending("first.log"));
      counter.waitUntilReady();
      expect(counter.ask("one")).toBe("1 one");
      expectSilence(checkpoint(box));

      const flags = [...imageFlags(box), "--detach"];
      expectSilence(box.attempt("restore", flags, appending("second.log")));

      expect(counter.ask("two")).toBe("2 two");
      expect(readFileSync(join(box.dir, "first.log"), "utf8")).toBe("1 one\n");
      expect(readFileSync(join(box.dir, "second.log"), "utf8")).toBe("2 two\n");
    },
    ["CRIU"],
  );

  shows(
    "rules of tsoci: one clear error",
    "what was a fifo of the host cannot become a device",
    () => {
      const box = container();
      const counter = makeCounter(box, ":");
      box.do("run", ["--detach"], { through: makeFifos(box, "first").through });
      counter.waitUntilReady();
      expectSilence(checkpoint(box));

      const failed = restore(box, "--detach");

      expectRefusal(failed, "standard input was a fifo or file of the host", 'it is "/dev/null"');
      expect(box.leftovers()).toEqual([]);
    },
    ["CRIU"],
  );
});
