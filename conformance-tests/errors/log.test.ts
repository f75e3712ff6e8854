import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { isTsoci } from "../support/environment";
import { callRuntime, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("errors: where they go", () => {
  const container = useContainers();

  shows(
    "errors",
    "an error is one line, outermost first, that ends in the kernel's name for it",
    () => {
      const box = container((config) => {
        config.mounts.push({
          destination: "/tmp",
          type: "tmpfs",
          source: "tmpfs",
          options: ["size=junk"],
        });
      });

      const outcome = box.attempt("create");

      expectRefusal(outcome, /^tsoci: create "[^"]+": .*\(E[A-Z]+\)$/m, "/tmp");
      expect(outcome.stdout).toBe("");
      expect(outcome.stderr).not.toMatch(/failed to|Error:| {4}at |unable to/);
    },
  );

  shows("peers", "--log-format json writes one object for an error", () => {
    const box = container();
    const log = join(box.dir, "log");

    const outcome = callRuntime([
      "--root",
      box.stateRoot,
      "--log",
      log,
      "--log-format",
      "json",
      "state",
      "nobody",
    ]);

    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toContain("container does not exist");
    const text = readFileSync(log, "utf8");
    expect(text.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(text)).toEqual({
      level: "error",
      msg: expect.stringContaining("container does not exist"),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/),
    });
  });

  shows("peers", "--log-format text writes one line of fields", () => {
    const box = container();
    const log = join(box.dir, "log");

    callRuntime(["--root", box.stateRoot, "--log", log, "--log-format", "text", "state", "nobody"]);

    expect(readFileSync(log, "utf8")).toMatch(
      /^time="[^"]+" level=error msg="(\\"|[^"])*container does not exist(\\"|[^"])*"\n$/,
    );
  });

  shows("peers", "a failing create leaves one object in the log, too", () => {
    const box = container((config) => {
      processOf(config).args = ["/nothing"];
      config.mounts.push({
        destination: "/tmp",
        type: "tmpfs",
        source: "tmpfs",
        options: ["size=junk"],
      });
    });
    const log = join(box.dir, "log");

    const args = [
      "--root",
      box.stateRoot,
      "--log",
      log,
      "--log-format",
      "json",
      "create",
      "--bundle",
      box.bundleDir,
      box.id,
    ];
    expect(callRuntime(args).status).toBe(1);

    const lines = readFileSync(log, "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "error",
      msg: expect.stringContaining("/tmp"),
    });
  });

  shows("peers", "the log is appended to", () => {
    const box = container();
    const log = join(box.dir, "log");
    writeFileSync(log, "before\n");

    callRuntime(["--root", box.stateRoot, "--log", log, "state", "nobody"]);

    const lines = readFileSync(log, "utf8").trimEnd().split("\n");
    expect(lines[0]).toBe("before");
    expect(lines).toHaveLength(2);
  });

  shows("peers", "what works says nothing on standard error and logs nothing", () => {
    const box = container();
    const log = join(box.dir, "log");
    const call = (...args: string[]) =>
      callRuntime(["--root", box.stateRoot, "--log", log, ...args]);

    const outcomes = [
      call("create", "--bundle", box.bundleDir, box.id),
      call("state", box.id),
      call("list", "--format", "json"),
      call("start", box.id),
      call("--version"),
    ];
    box.waitUntilStopped();
    outcomes.push(call("delete", box.id));

    expect(outcomes.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
      outcomes.map(() => ({ status: 0, stderr: "" })),
    );
    if (existsSync(log)) expect(readFileSync(log, "utf8")).toBe("");
  });

  shows("peers", "--debug tells what is done, in the log and not on standard error", () => {
    const box = container();
    const log = join(box.dir, "log");

    const outcome = callRuntime([
      "--debug",
      "--root",
      box.stateRoot,
      "--log",
      log,
      "--log-format",
      "json",
      "run",
      "--bundle",
      box.bundleDir,
      box.id,
    ]);

    expect(outcome).toMatchObject({ status: 0, stderr: "" });
    const entries = readFileSync(log, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { level: string });
    expect(entries.map(({ level }) => level)).toContain("debug");
  });

  shows("peers", "a log that cannot be opened is an error", () => {
    const box = container();

    expectRefusal(
      callRuntime(["--root", box.stateRoot, "--log", "/nonexistent/log", "list"]),
      "/nonexistent/log",
    );
  });

  shows("errors", "a message stays one line whatever the config puts into it", () => {
    const box = container((config) => {
      config.mounts.push({ destination: "/tmp", source: "no\nsuch\nsource", options: ["bind"] });
    });

    const outcome = box.attempt("create");

    expect(outcome.status).toBe(1);
    if (isTsoci) expect(outcome.stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
