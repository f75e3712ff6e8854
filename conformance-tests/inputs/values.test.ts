import { type BadValue, badValues, textWith } from "../../src/spec/bad-values-fixture";
import { parseConfig } from "../../src/spec/parse-config";
import { summarizeIssues } from "../../src/spec/report";
import type { Json } from "../../src/spec/schema-walk-fixture";
import { Random } from "../differential/random";
import type { Container } from "../support/container";
import { isTsoci, patience, runtimeName, scratchDir } from "../support/environment";
import { isThorough, tellFigure } from "../support/figures.mjs";
import { readMounts } from "../support/host";
import { callRuntime, isolated } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { mistakesIn } from "./refused";

/**
 * Every property of config.json with every kind of value that it should not have: src/spec/bad-values.test.ts
 * has them all read in one process, and here the runtime is given them, all or as many as a seed chooses.
 */

/** TSOCI_INPUT_SEED brings a choice back; TSOCI_INPUT_ROWS says how many rows there are. */
const seed = Number(process.env.TSOCI_INPUT_SEED ?? Date.now() % 100_000);
const wanted = Number(process.env.TSOCI_INPUT_ROWS ?? defaultRows());
const suite = "bad input";

/** Another runtime makes a container of each row that it does not check. */
function defaultRows(): number {
  if (!isThorough) return isTsoci ? 100 : 40;
  return isTsoci ? Number.POSITIVE_INFINITY : 1_000;
}

/** In namespaces of their own: another runtime may take what mounts on the host, and leave a process. */
const apart = [
  "unshare",
  ...["--mount", "--propagation", "private", "--uts", "--ipc", "--net"],
  ...["--pid", "--fork", "--kill-child", "--mount-proc"],
] as const;

interface Refused {
  readonly row: BadValue;
  readonly text: string;
  readonly line: string;
}

function refusedRows(document: Json): readonly Refused[] {
  return badValues(document).flatMap((row) => {
    const text = textWith(document, row);
    const parsed = parseConfig(new TextEncoder().encode(text));
    return parsed.ok ? [] : [{ row, text, line: summarizeIssues(parsed.issues) }];
  });
}

/** As many as are wanted, in their order. */
function chosen<T>(rows: readonly T[]): T[] {
  const random = new Random(seed);
  const ranked = rows.map((row) => ({ row, rank: random.next() }));
  const limit = ranked.map(({ rank }) => rank).sort((a, b) => a - b)[wanted] ?? 1;
  return ranked.filter(({ rank }) => rank < limit).map(({ row }) => row);
}

/** Without these another runtime would put a container below its caller's own cgroup, or do without namespaces. */
const isConfined = ({ row }: Refused) =>
  !/^\/linux(\/cgroupsPath|\/namespaces.*)?$/.test(row.pointer);

function tryRow(box: Container, { row, text, line }: Refused): string[] {
  box.writeConfig(text);
  const outcome = box.attempt("create", [], { timeoutMs: 10_000, through: isolated });
  const found = mistakesIn(outcome);
  const said = outcome.stderr.trimEnd();
  // Half of a surrogate pair in a name is written as U+FFFD.
  if (!said.endsWith(`: ${Buffer.from(line).toString()}`))
    found.push(`says something else: ${said.slice(0, 300)}`);
  found.push(...box.leftovers().map((left) => `leaves ${left}`));
  return found.map((mistake) => `${row.pointer}: ${row.kind} ${mistake}`);
}

type Verdict = "refused" | "accepted" | "hung" | "left";

/** What another runtime makes of it; with its namespaces its container is gone. */
function judgeRow(box: Container, { text }: Refused): Verdict {
  box.writeConfig(text);
  const outcome = box.attempt("create", [], { timeoutMs: 10_000, through: apart });
  const left = outcome.status !== 0 && box.leftovers().length > 0;
  callRuntime(["--root", box.stateRoot, "delete", "--force", box.id], { timeoutMs: 10_000 });
  if (outcome.timedOut) return "hung";
  if (outcome.status === 0) return "accepted";
  return left ? "left" : "refused";
}

/** Not those of whatever else the machine does meanwhile. */
const mountsOfTests = () => readMounts().filter(({ target }) => target.startsWith(scratchDir()));

rootSuite(`bad input: values, seed ${seed}`, () => {
  const container = useContainers();
  const time = 280_000 * patience;

  if (isTsoci) {
    shows(
      "config.md#valid-values",
      "what one process refuses, create refuses in the same words, and leaves nothing",
      () => {
        const box = container();
        const document = box.config as unknown as Json;
        const all = refusedRows(document);
        const rows = chosen(all);
        const mounts = mountsOfTests();

        const mistakes = rows.flatMap((refused) => tryRow(box, refused));

        expect(mistakes).toEqual([]);
        expect(mountsOfTests()).toEqual(mounts);
        const tried = badValues(document).length;
        tellFigure(suite, "values of config.json tried in one process", tried);
        tellFigure(suite, "of these refused, each in one line with its place", all.length);
        tellFigure(suite, "of these accepted, each for a reason in a table", tried - all.length);
        tellFigure(suite, "of the refused ones given to `create`", rows.length);
      },
      [],
      time,
    );
  } else {
    shows(
      "config.md#valid-values",
      "values that tsoci refuses hang no other runtime",
      () => {
        const box = container();
        const document = box.config as unknown as Json;
        const rows = chosen(refusedRows(document).filter(isConfined));

        const verdicts = rows.map((refused) => ({ ...refused.row, is: judgeRow(box, refused) }));

        const count = (verdict: Verdict) => verdicts.filter(({ is }) => is === verdict).length;
        tellFigure(suite, `values given to ${runtimeName} create`, rows.length);
        tellFigure(suite, `of these ${runtimeName} accepts unchecked`, count("accepted"));
        tellFigure(suite, `of these ${runtimeName} leaves something of`, count("left"));
        tellFigure(suite, `of these ${runtimeName} hangs on`, count("hung"));
        const hung = verdicts.filter(({ is }) => is === "hung");
        expect(hung.map(({ pointer, kind }) => `${pointer}: ${kind}`)).toEqual([]);
      },
      [],
      time,
    );
  }
});
