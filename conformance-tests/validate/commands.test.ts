import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { callRuntime, expectRefusal, mustCall } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

interface Finding {
  pointer: string;
  message: string;
  clause: string;
  line: number;
  column: number;
}

interface TraceEvent {
  name: string;
  ph: string;
  ts: number;
  dur?: number;
  pid: number;
}

rootSuite("validate, explain, --trace", () => {
  const container = useContainers();

  shows("config.md", "validate says nothing against what create accepts", () => {
    const box = container();

    expect(mustCall(["validate", box.bundleDir])).toMatchObject({ stderr: "" });
  });

  shows(
    "config.md",
    "all problems are reported at once, each where it stands, with its clause",
    () => {
      const box = container((config) => {
        processOf(config).cwd = "relative";
        config.linux.namespaces.push({ type: "ipc" });
        config.linux.maskedPaths = ["proc/kcore"];
        config.hooks = { poststop: [{ path: "/bin/true", timeout: 0 }] };
      });

      const outcome = callRuntime(["validate", "--format", "json", box.bundleDir]);

      expect(outcome.status).toBe(1);
      const { issues } = JSON.parse(outcome.stdout) as { issues: Finding[] };
      expect(issues.map(({ pointer }) => pointer).sort()).toEqual([
        "/hooks/poststop/0/timeout",
        "/linux/maskedPaths/0",
        "/linux/namespaces/5",
        "/process/cwd",
      ]);
      const lines = readFileSync(join(box.bundleDir, "config.json"), "utf8").split("\n");
      for (const { line, column, clause, message } of issues) {
        expect(clause).toMatch(/^(config|config-linux)\.md#/);
        expect(message).not.toBe("");
        expect(lines[line - 1]?.slice(column - 1)).toMatch(/^["{\d-]/);
      }
      const cwd = issues.find(({ pointer }) => pointer === "/process/cwd");
      expect(lines[(cwd?.line ?? 0) - 1]).toContain('"cwd": "relative"');
    },
  );

  shows("config.md", "create reports the same problems in one line, and makes nothing", () => {
    const box = container((config) => {
      processOf(config).cwd = "relative";
      config.linux.namespaces.push({ type: "ipc" });
    });

    expectRefusal(
      box.attempt("create"),
      "/process/cwd",
      "/linux/namespaces/5",
      "config.md#process",
    );

    expect(box.leftovers()).toEqual([]);
    expect(existsSync(box.stateRoot) && existsSync(join(box.stateRoot, box.id))).toBe(false);
  });

  shows("config.md", "validate prints a line for each problem", () => {
    const box = container((config) => {
      processOf(config).cwd = "relative";
      processOf(config).args = [];
    });

    const outcome = callRuntime(["validate", box.bundleDir]);

    expect(outcome.status).toBe(1);
    const lines = outcome.stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    for (const line of lines)
      expect(line).toMatch(
        /config\.json:\d+:\d+: \/process\/(cwd|args): .*\(config\.md#process\)$/,
      );
  });

  shows(
    "ours",
    "explain prints every step, what does it, and the property that it comes from",
    () => {
      const box = container((config) => {
        config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
        config.linux.maskedPaths = ["/proc/keys"];
      });

      const { stdout } = mustCall(["explain", "--format", "json", box.bundleDir]);

      const { steps } = JSON.parse(stdout) as {
        steps: { actor: string; does: string; property: string; calls: string }[];
      };
      const properties = steps.map(({ property }) => property);
      for (const property of [
        "/linux/sysctl",
        "/linux/maskedPaths/0",
        "/mounts/0",
        "/mounts/5",
        "/hostname",
        "/process/args",
      ]) {
        expect(
          properties.some(
            (name) =>
              name === property ||
              name.startsWith(`${property}/`) ||
              (property === "/linux/sysctl" && name.startsWith("/linux/sysctl")),
          ),
        ).toBe(true);
      }
      for (const { calls, does } of steps)
        expect({ does, calls }).toEqual({ does, calls: expect.stringMatching(/\w/) });
      expect(mustCall(["explain", box.bundleDir]).stdout).toContain("/proc/keys");
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows("ours", "explain refuses what create refuses", () => {
    const box = container((config) => {
      processOf(config).cwd = "relative";
    });

    expect(callRuntime(["explain", box.bundleDir]).status).toBe(1);
  });

  shows("ours", "--trace writes the steps of driver and init on one time line", () => {
    const box = container();
    const file = join(box.dir, "trace.json");

    box.do("run", ["--trace", file]);

    const trace = JSON.parse(readFileSync(file, "utf8")) as
      | { traceEvents: TraceEvent[] }
      | TraceEvent[];
    const events = (Array.isArray(trace) ? trace : trace.traceEvents).filter(
      ({ ph }) => ph === "X",
    );
    expect(events.length).toBeGreaterThan(20);
    expect(new Set(events.map(({ pid }) => pid)).size).toBeGreaterThanOrEqual(1);
    const end = Math.max(...events.map(({ ts, dur = 0 }) => ts + dur));
    const begin = Math.min(...events.map(({ ts }) => ts));
    // Microseconds: the whole of a run, and not the machine's uptime.
    expect(end - begin).toBeLessThan(10_000_000);
    expect(events.map(({ name }) => name).join("\n")).toMatch(/pivot/);
  });

  shows("ours", "--trace of create and of start are files of their own", () => {
    const box = container();

    box.do("create", ["--trace", join(box.dir, "create.json")]);
    box.do("start", ["--trace", join(box.dir, "start.json")]);

    for (const name of ["create.json", "start.json"]) {
      expect(JSON.parse(readFileSync(join(box.dir, name), "utf8"))).toBeInstanceOf(Object);
    }
  });
});
