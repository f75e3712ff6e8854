import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import { isTsoci } from "../support/environment";
import { isThorough, tellFigure } from "../support/figures.mjs";
import { callRuntime, type Outcome } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { badFiles } from "./bad-files";
import { mistakesIn } from "./refused";

interface Row {
  readonly what: string;
  readonly make: (path: string, sound: string) => void;
}

type Document = Readonly<Record<string, unknown>>;

const typeOf = (value: unknown) =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value;

/** A record with each property in turn gone, or of another type. */
function* spoiled(record: Document, above: string[] = []): Generator<readonly [string, Document]> {
  for (const [name, value] of Object.entries(record)) {
    const way = [...above, name];
    for (const other of [undefined, null, 7, "7", [7], { seven: 7 }]) {
      if (typeOf(other) === typeOf(value)) continue;
      const found = other === undefined ? "missing" : JSON.stringify(other);
      yield [`${way.join(".")} that is ${found}`, { ...record, [name]: other }];
    }
    if (typeOf(value) !== "object") continue;
    for (const [what, inner] of spoiled(value as Document, way))
      yield [what, { ...record, [name]: inner }];
  }
}

const spoiledRecords = (sound: string): readonly Row[] =>
  [...spoiled(JSON.parse(sound) as Document)].map(([what, record]) => ({
    what,
    make: (path) => writeFileSync(path, JSON.stringify(record)),
  }));

/** Only in a property that is there for nobody, which JSON of our own making is not searched for. */
const unseen = ["bytes that are not UTF-8", "a duplicate name", "a duplicate name deep down"];

const noJson: readonly Row[] = badFiles.filter(({ what }) => !unseen.includes(what));

const recordFiles: readonly Row[] = [
  ...noJson,
  { what: "an empty object", make: (path) => writeFileSync(path, "{}") },
  { what: "another's record", make: (path, sound) => writeFileSync(path, renamed(sound)) },
];

const renamed = (record: string) => JSON.stringify({ ...JSON.parse(record), id: "another" });

rootSuite("bad input: files of the state directory", () => {
  const container = useContainers();

  const call = (box: Container, ...args: string[]): Outcome =>
    callRuntime(["--root", box.stateRoot, ...args], { timeoutMs: 10_000 });

  /** What the commands make of a container with that file; then it is as it was. */
  function tryRows(
    box: Container,
    file: string,
    rows: readonly Row[],
    judge: (what: string) => string[],
  ): string[] {
    const dir = join(box.stateRoot, box.id);
    const kept = join(box.dir, "kept");
    cpSync(dir, kept, { recursive: true });
    const sound = readFileSync(join(dir, file), "utf8");
    return rows.flatMap(({ what, make }) => {
      rmSync(join(dir, file), { recursive: true, force: true });
      make(join(dir, file), sound);
      const mistakes = judge(what).map((mistake) => `${what}: ${mistake}`);
      rmSync(dir, { recursive: true, force: true });
      cpSync(kept, dir, { recursive: true });
      return mistakes;
    });
  }

  /** `list` goes on with the others, whatever is wrong with one. */
  function mistakesOfList(box: Container, neighbour: string): string[] {
    const { timedOut, status, stdout } = call(box, "list", "--quiet");
    if (timedOut) return ["list hangs"];
    return status === 0 && stdout.includes(neighbour) ? [] : ["list hides a neighbour"];
  }

  function mistakesOfDelete(box: Container): string[] {
    const { timedOut, status, stderr } = call(box, "delete", "--force", box.id);
    if (timedOut) return ["delete --force hangs"];
    const left = box.leftovers().filter((path) => path.endsWith(box.id) && !isCgroup(path));
    return status === 0 && stderr === "" && left.length === 0
      ? []
      : [`delete --force leaves ${left}: ${stderr}`];
  }

  const isCgroup = (path: string) => path.startsWith("/sys/fs/cgroup");

  function stopped(): Container {
    const box = container();
    box.do("create");
    box.do("start");
    box.waitUntilStopped();
    return box;
  }

  if (!isTsoci) {
    test.skip("what spoils a record is known of tsoci's alone", () => {});
    return;
  }

  shows("ours", "a record that is none is told of, hides no other, and can be deleted", () => {
    const box = stopped();
    const neighbour = `${box.id}-n`;
    box.config.linux.cgroupsPath = `${box.cgroupPath}-n`;
    box.writeConfig();
    call(box, "create", "--bundle", box.bundleDir, neighbour);

    const mistakes = tryRows(box, "state.json", recordFiles, (what) => {
      const says = /^(nothing|a link to)/.test(what) ? /record|does not exist/ : /record/;
      return [
        ...mistakesIn(call(box, "state", box.id), { says }),
        ...mistakesOfList(box, neighbour),
        ...mistakesOfDelete(box),
      ];
    });

    call(box, "delete", "--force", neighbour);
    expect(mistakes).toEqual([]);
  });

  shows("ours", "a record with a property gone or of another type is told of in our words", () => {
    const box = stopped();
    const all = spoiledRecords(readFileSync(join(box.stateRoot, box.id, "state.json"), "utf8"));
    const rows = isThorough ? all : all.filter((_, index) => index % 8 === 0);

    const mistakes = tryRows(box, "state.json", rows, () => {
      const state = call(box, "state", box.id);
      return [...(state.status === 0 ? [] : mistakesIn(state)), ...mistakesOfDelete(box)];
    });

    expect(mistakes).toEqual([]);
    tellFigure("bad input", "records of containers that are none", all.length + recordFiles.length);
  });

  shows("ours", "a process's template that is none is told of, and exec runs nothing", () => {
    const box = container();
    box.runWaiting();

    const mistakes = tryRows(box, "process.json", noJson, () =>
      mistakesIn(box.attemptExec(["/probe"], [], { timeoutMs: 10_000 }), { status: 255 }),
    );

    expect(mistakes).toEqual([]);
    expect(box.state().status).toBe("running");
  });
});
