import { rmSync } from "node:fs";
import { join } from "node:path";
import { isTsoci } from "../support/environment";
import { readMounts } from "../support/host";
import { callRuntime } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { badFiles } from "./bad-files";
import { mistakesIn } from "./refused";

/** A file that a command reads beside the bundle. */
interface Reader {
  readonly sentence: string;
  readonly sound: object;
  readonly status: number;
  readonly args: (file: string, id: string) => readonly string[];
  /** Kinds of files that are this one's to accept. */
  readonly takes?: readonly string[];
}

const readers: readonly Reader[] = [
  {
    sentence: "exec refuses a process file that is none",
    sound: { args: ["/probe"], cwd: "/", user: { uid: 0, gid: 0 } },
    status: 255,
    args: (file, id) => ["exec", "--process", file, id],
  },
  {
    sentence: "update refuses a file of resources that is none, and changes nothing",
    sound: { memory: { limit: 1 << 26 }, pids: { limit: 100 } },
    status: 1,
    args: (file, id) => ["update", "--resources", file, id],
    // As null anywhere else asks for nothing.
    takes: ["null"],
  },
];

const mountsReader: Reader = {
  sentence: "mounts refuses a file with a list that is none, and mounts nothing",
  sound: [{ destination: "/tmp", type: "tmpfs", source: "tmpfs" }],
  status: 1,
  args: (file, id) => ["mounts", "add", id, file],
  // An empty list mounts nothing.
  takes: ["an array"],
};

rootSuite("bad input: files beside the bundle", () => {
  const container = useContainers();

  for (const reader of isTsoci ? [...readers, mountsReader] : readers) {
    shows("glossary.md#json", reader.sentence, () => {
      const box = container();
      box.runWaiting();
      const before = box.state();
      const mounts = readMounts();

      const mistakes = badFiles
        .filter(({ what }) => !reader.takes?.includes(what))
        .flatMap(({ what, make, says }) => {
          const file = join(box.dir, "config.json");
          rmSync(file, { recursive: true, force: true });
          make(file, JSON.stringify(reader.sound));
          const args = ["--root", box.stateRoot, ...reader.args(file, box.id)];
          const outcome = callRuntime(args, { timeoutMs: 10_000 });
          return mistakesIn(outcome, { status: reader.status, says }).map(
            (mistake) => `${what} ${mistake}`,
          );
        });

      expect(mistakes).toEqual([]);
      expect(box.state()).toEqual(before);
      expect(readMounts()).toEqual(mounts);
    });
  }
});
