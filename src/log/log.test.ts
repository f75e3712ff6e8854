import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatLogLine } from "./lines";
import { Log, type LogSettings } from "./log";

const written: string[] = [];
jest.mock("../host/write-all", () => {
  const real = jest.requireActual("../host/write-all");
  return {
    writeAll: (fd: number, text: string) => {
      if (fd === 2) written.push(text);
      else real.writeAll(fd, text);
    },
  };
});

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tsoci-log-"));
  written.length = 0;
});
afterEach(() => rmSync(dir, { recursive: true }));

const open = (settings: Partial<LogSettings> = {}) =>
  Log.open({ format: "text", debug: false, programName: "tsoci", ...settings });
const time = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";

test("without a file a failure is one line for people on standard error", async () => {
  (await open()).fail('create "web": no');

  expect(written).toEqual(['tsoci: create "web": no\n']);
});

test("without a file and in JSON it is one object on standard error", async () => {
  (await open({ format: "json" })).fail("no");

  expect(written).toHaveLength(1);
  expect(written[0]).toMatch(new RegExp(`^{"level":"error","msg":"no","time":"${time}"}\n$`));
});

test("with a file both the file and standard error have it, and the file is appended to", async () => {
  const file = join(dir, "log");
  (await open({ file })).fail("one");
  (await open({ file, format: "json" })).fail("two");

  expect(written).toEqual(["one\n", "two\n"]);
  expect(readFileSync(file, "utf8")).toMatch(
    new RegExp(
      `^time="${time}" level=error msg=one\n{"level":"error","msg":"two","time":"${time}"}\n$`,
    ),
  );
  expect(statSync(file).mode & 0o133).toBe(0);
});

test("a failed command leaves exactly one JSON object, with the warnings in it", async () => {
  const file = join(dir, "log");
  const log = await open({ file, format: "json" });
  log.warn("careful");
  log.fail("no");

  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
    level: "error",
    msg: "no",
    time: expect.any(String),
    warnings: ["careful"],
  });
});

test("a successful command's held warnings follow its end", async () => {
  const file = join(dir, "log");
  const log = await open({ file, format: "json" });
  log.warn("careful");
  const before = readFileSync(file, "utf8");
  log.finish();

  expect(before).toBe("");
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
    level: "warning",
    msg: "careful",
  });
});

test("a warning in text is written at once", async () => {
  const log = await open();
  log.warn("be careful");

  expect(written[0]).toMatch(new RegExp(`^time="${time}" level=warning msg="be careful"\n$`));
});

test("a log that cannot be opened is refused before anything is done", async () => {
  const file = join(dir, "missing", "log");

  await expect(open({ file })).rejects.toMatchObject({ message: "log", cause: { code: "ENOENT" } });
  expect(existsSync(join(dir, "missing"))).toBe(false);
});

test("debug lines have runc's shape in text and in JSON, and none are written without --debug", async () => {
  (await open()).debug("quiet");
  (await open({ debug: true })).debug("doing this", { root: "/r", args: ["a", "b"] });
  (await open({ debug: true, format: "json" })).debug("doing that", { root: "/r" });

  expect(written).toHaveLength(2);
  expect(written[0]).toMatch(
    new RegExp(
      `^time="${time}" level=debug msg="doing this" root=/r args="a,b" elapsedMs=[\\d.]+\n$`,
    ),
  );
  expect(JSON.parse(written[1] ?? "")).toEqual({
    level: "debug",
    msg: "doing that",
    time: expect.stringMatching(time),
    root: "/r",
    elapsedMs: expect.any(Number),
  });
});

test.each([
  ["done", "done"],
  ["a b", '"a b"'],
  ['say "x"', '"say \\"x\\""'],
  ["two\nlines", '"two\\nlines"'],
  ["", '""'],
])("in text %j is written as %s", (message, shown) => {
  expect(formatLogLine("text", "error", message)).toMatch(/ msg=(.*)\n$/);
  expect(formatLogLine("text", "error", message).split(" msg=")[1]).toBe(`${shown}\n`);
});
