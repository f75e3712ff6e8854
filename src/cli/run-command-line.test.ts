import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RuntimeError } from "../errors/runtime-error";
import { runCommandLine } from "./run-command-line";

const streams = { 1: "", 2: "" };
const loaded: string[] = [];
const startContainer = jest.fn();
const runContainer = jest.fn();

jest.mock("../host/write-all", () => {
  const real = jest.requireActual("../host/write-all");
  return {
    writeAll: (fd: number, text: string) => {
      if (fd === 1 || fd === 2) streams[fd] += text;
      else real.writeAll(fd, text);
    },
  };
});
jest.mock("../lifecycle/start", () => ({ startContainer }));
jest.mock("../lifecycle/run", () => ({ runContainer }));
jest.mock("../lifecycle/list", () => ({ listContainers: () => [] }));
jest.mock("yargs", () => {
  loaded.push("yargs");
  return jest.requireActual("yargs");
});
jest.mock("pino", () => {
  loaded.push("pino");
  return jest.requireActual("pino");
});

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tsoci-cli-"));
  streams[1] = "";
  streams[2] = "";
  startContainer.mockReset();
  runContainer.mockReset();
});
afterEach(() => rmSync(dir, { recursive: true }));

function invoke(argv: readonly string[], invokedAs = "tsoci"): Promise<number> {
  const environment = {};
  return runCommandLine(
    argv,
    { cwd: dir, environment, euid: 0, inUserNamespace: false },
    { environment, variable: () => undefined, invokedAs },
  );
}

// The first test of the file: later ones load both.
test("the hot path loads neither yargs nor pino", async () => {
  expect(await invoke(["--version"])).toBe(0);
  expect(await invoke(["list"])).toBe(0);
  expect(await invoke(["start", "web"])).toBe(0);

  expect(loaded).toEqual([]);
  expect(streams[2]).toBe("");
});

test("the version is the caller's word for us", async () => {
  expect(await invoke(["-v"], "/usr/bin/runc")).toBe(0);
  expect(streams[1]).toMatch(/^runc version \d+\.\d+\.\d+\n/);
});

test("an unknown command exits 3, with a guess", async () => {
  expect(await invoke(["strat"])).toBe(3);
  expect(streams).toEqual({
    1: "",
    2: `tsoci: No help topic for 'strat', did you mean "start"?\n`,
  });
});

test("a usage error exits 1, with one line on standard error and the help on standard output", async () => {
  expect(await invoke(["create", "--bundel", "x", "web"])).toBe(1);

  const message = 'flag provided but not defined: -bundel, did you mean "bundle"?';
  expect(streams[2]).toBe(`tsoci: ${message}\n`);
  expect(streams[1]).toMatch(`Incorrect Usage: ${message}\n\nNAME:\n   tsoci create - `);
});

test("a failure names its operation once, in the log and on standard error", async () => {
  startContainer.mockImplementation(() => {
    throw new RuntimeError("CONTAINER_UNKNOWN", "container does not exist");
  });

  expect(await invoke(["--log", "l.json", "--log-format", "json", "start", "web"])).toBe(1);

  expect(streams).toEqual({ 1: "", 2: 'start "web": container does not exist\n' });
  expect(JSON.parse(readFileSync(join(dir, "l.json"), "utf8"))).toMatchObject({
    level: "error",
    msg: 'start "web": container does not exist',
  });
});

test("a failure that names its operation itself is not named again", async () => {
  startContainer.mockImplementation(() => {
    throw new RuntimeError("INIT_FAILED", 'start "web": execve "/x"');
  });

  expect(await invoke(["start", "web"])).toBe(1);
  expect(streams[2]).toBe('tsoci: start "web": execve "/x"\n');
});

test("a system call's failure ends in its errno's name", async () => {
  expect(await invoke(["--root", "/nonexistent/root", "list"])).toBe(1);
  expect(streams[2]).toBe(
    'tsoci: list: "/nonexistent/root": open: no such file or directory (ENOENT)\n',
  );
});

test("a fault of ours is one line, too", async () => {
  startContainer.mockImplementation(() => {
    throw new TypeError("undefined is\nnot a function");
  });

  expect(await invoke(["start", "web"])).toBe(1);
  expect(streams[2]).toBe('tsoci: start "web": undefined is not a function\n');
});

test("a log that cannot be opened ends the command before it begins", async () => {
  expect(await invoke(["--log", "/nonexistent/log", "start", "web"])).toBe(1);

  expect(startContainer).not.toHaveBeenCalled();
  expect(streams[2]).toBe(
    'tsoci: log: "/nonexistent/log": open: no such file or directory (ENOENT)\n',
  );
});

test("the exit status of run is the program's", async () => {
  runContainer.mockReturnValue(42);

  expect(await invoke(["--root", "r", "run", "--keep", "web"])).toBe(42);
  expect(runContainer).toHaveBeenCalledWith(
    expect.objectContaining({ stateRoot: join(dir, "r") }),
    expect.objectContaining({ id: "web", keep: true, bundleDir: dir }),
  );
});

test("--debug tells of a command on standard error, and only of that", async () => {
  expect(await invoke(["--debug", "start", "web"])).toBe(0);

  expect(streams[2]).toMatch(
    /^time="[^"]+" level=debug msg=begin .*\ntime="[^"]+" level=debug msg=end .*\n$/,
  );
  expect(streams[1]).toBe("");
});

test("spec writes a config that is valid, and never replaces one", async () => {
  expect(await invoke(["spec"])).toBe(0);
  const config = readFileSync(join(dir, "config.json"), "utf8");
  expect(config).toMatch(/^{\n\t"ociVersion": "1\.3\.0",\n/);
  expect(await invoke(["validate"])).toBe(0);
  expect(streams[1]).toBe("config.json is valid\n");

  expect(await invoke(["spec"])).toBe(1);
  expect(streams[2]).toContain("file config.json exists. Remove it first");
  expect(readFileSync(join(dir, "config.json"), "utf8")).toBe(config);
});

test("spec of a bundle that is not there says so and makes nothing", async () => {
  expect(await invoke(["spec", "-b", "nope"])).toBe(1);
  expect(streams[2]).toContain("no such file or directory (ENOENT)");
  expect(existsSync(join(dir, "nope"))).toBe(false);
});

test("validate of an invalid config exits 1 and reports every issue, in text and in JSON", async () => {
  writeFileSync(
    join(dir, "config.json"),
    '{"ociVersion":"1.3.0","root":{"path":"r"},"process":{"cwd":"x","args":[]}}',
  );

  expect(await invoke(["validate"])).toBe(1);
  expect(streams[1]).toMatch(/^config\.json:1:\d+: .*\nconfig\.json:1:\d+: /);
  expect(streams[2]).toBe("");

  streams[1] = "";
  expect(await invoke(["validate", "--format", "json", dir])).toBe(1);
  const report = JSON.parse(streams[1]);
  expect(report.valid).toBe(false);
  expect(report.issues.length).toBeGreaterThan(1);
});

test("features are JSON, and nothing else is printed", async () => {
  expect(await invoke(["features"])).toBe(0);
  expect(JSON.parse(streams[1])).toMatchObject({ ociVersionMin: "1.0.0", ociVersionMax: "1.3.0" });
  expect(streams[2]).toBe("");
});
