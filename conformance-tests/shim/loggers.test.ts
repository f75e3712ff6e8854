import { existsSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StatusCode } from "../../src/shim/ttrpc/status";
import { until } from "../support/background";
import type { Config } from "../support/config";
import { isAlive } from "../support/host";
import { shows } from "../support/shows";
import { type Bundle, namespace, refusalOf, shell, shimSuite, useShims, waits } from "./use-shims";

const contract = "containerd's runtime v2";

shimSuite("shim: logs", () => {
  const world = useShims();
  const at = (name: string) => join(world().dir, name);
  const textAt = (name: string) => readFileSync(at(name), "utf8");

  /** A logger that writes into files of the test's directory, by a script that may use `$dir`. */
  function logger(body: string): string {
    const path = at("logger");
    writeFileSync(path, `#!/bin/busybox sh\ndir=${world().dir}\n${body}\n`, { mode: 0o755 });
    return `binary://${path}`;
  }

  shows(contract, "a log file gets both outputs behind what it has", async () => {
    writeFileSync(at("log.txt"), "before\n");
    const stdout = `file://${at("log.txt")}`;
    const { shim, id } = await world().running(shell("echo out; echo err >&2"), {}, { stdout });

    await shim.call("wait", { id });
    await shim.call("delete", { id });

    expect(textAt("log.txt").split("\n").sort()).toEqual(["", "before", "err", "out"]);
    expect(textAt("log.txt")).toMatch(/^before\n/);
  });

  shows(contract, "a log file is made, with its directories", async () => {
    const stdout = `file://${at("some/where/log%20of%20it")}`;
    const { shim, id } = await world().running(shell("echo out"), {}, { stdout });

    await shim.call("wait", { id });
    await shim.call("delete", { id });

    expect(textAt("some/where/log of it")).toBe("out\n");
  });

  shows("promise", "a container cannot change what it has logged", async () => {
    const stdout = `file://${at("log.txt")}`;
    const says = 'echo first; : >/proc/self/fd/1; echo "second"; sleep 100000';
    const { shim, id, pid } = await world().running(shell(says), {}, { stdout });

    await until(
      "both lines",
      () => existsSync(at("log.txt")) && textAt("log.txt").includes("second"),
    );

    expect(textAt("log.txt")).toBe("first\nsecond\n");
    expect(readlinkSync(`/proc/${pid}/fd/1`)).toMatch(/^pipe:/);
    await shim.end(id);
  });

  shows(contract, "a terminal is logged", async () => {
    const stdout = `file://${at("log.txt")}`;
    const edit = ({ process, mounts }: Config) => {
      Object.assign(process ?? {}, { terminal: true });
      mounts.push({ destination: "/dev/pts", type: "devpts", source: "devpts" });
    };
    const { shim, id } = await world().running(
      shell("echo out; echo err >&2"),
      { edit },
      { stdout, terminal: true },
    );

    await shim.call("wait", { id });
    await shim.call("delete", { id });

    expect(textAt("log.txt")).toBe("out\r\nerr\r\n");
  });

  shows(contract, "a logger gets what it needs to know, and all that is written", async () => {
    const stdout = logger(`
      tr '\\0' '\\n' </proc/$$/environ >$dir/environment
      echo "$*" >$dir/arguments
      ls -l /proc/self/fd/ >$dir/descriptors
      echo $$ >$dir/pid
      exec 5>&-
      cat <&3 >$dir/out & cat <&4 >$dir/err &
      exec 3<&- 4<&-
      wait
      echo ended >$dir/ended`);
    const { shim, id } = await world().running(
      shell("echo out; echo err >&2; exit 3"),
      {},
      { stdout: `${stdout}?one=1&flag` },
    );

    expect((await shim.call("wait", { id })).exitStatus).toBe(3);
    await shim.call("delete", { id });

    // It has ended before the answer.
    expect(textAt("ended")).toBe("ended\n");
    expect([textAt("out"), textAt("err")]).toEqual(["out\n", "err\n"]);
    expect(textAt("arguments")).toBe("one 1 flag\n");
    expect(textAt("environment").trim().split("\n").sort()).toEqual([
      `CONTAINER_ID=${id}`,
      `CONTAINER_NAMESPACE=${namespace}`,
    ]);
    const numbers = [...textAt("descriptors").matchAll(/ (\d+) -> (\w+)/g)].map((match) => [
      Number(match[1]),
      match[2],
    ]);
    expect(numbers).toEqual(
      expect.arrayContaining([
        [3, "pipe"],
        [4, "pipe"],
        [5, "pipe"],
      ]),
    );
    await until("the logger to be gone", () => !isAlive(Number(textAt("pid"))));
    expect(existsSync(`/proc/${textAt("pid").trim()}`)).toBe(false);
  });

  shows(contract, "an exec has a logger of its own", async () => {
    const { shim, id } = await world().running();
    const stdout = logger("exec 5>&-; cat <&3 >$dir/out");

    await shim.runExec(id, "e", shell("echo of an exec"), { stdout });
    await shim.call("wait", { id, execId: "e" });
    await shim.call("delete", { id, execId: "e" });

    expect(textAt("out")).toBe("of an exec\n");
  });

  shows("promise", "a logger that ends does not end its container", async () => {
    const stdout = logger("exec 5>&-; read line <&3; echo $line >$dir/line");
    const says = "trap '' PIPE; echo one; while echo two; do :; done 2>/dev/null; sleep 100000";
    const { shim, id, pid } = await world().running(shell(says), {}, { stdout });

    await until("the logger's end", () => existsSync(at("line")) && textAt("line") === "one\n");

    expect(isAlive(pid)).toBe(true);
    await shim.end(id);
  });

  shows(
    "promise",
    "a logger that does not get ready is ended, holds nobody up, and leaves nothing",
    async () => {
      const stdout = logger("echo $$ >$dir/pid; exec /bin/busybox sleep 100000");
      const [bundle, other] = [1, 2].map(() => world().bundle(waits, { group: "pod" })) as [
        Bundle,
        Bundle,
      ];
      const shim = await world().start(bundle);

      let isRefused = false;
      const refused = refusalOf(shim.create(bundle, { stdout })).finally(() => {
        isRefused = true;
      });
      await until("the logger", () => existsSync(at("pid")) && textAt("pid") !== "");
      await shim.run(other);
      await shim.runExec(other.id, "e", shell("exit 4"));
      expect((await shim.call("wait", { id: other.id, execId: "e" })).exitStatus).toBe(4);
      await shim.end(other.id);
      expect(isRefused).toBe(false);

      const { message } = await refused;
      expect(message).toContain(`"${at("logger")}" was not ready`);
      expect(isAlive(Number(textAt("pid")))).toBe(false);
      expect((await refusalOf(shim.call("state", { id: bundle.id }))).status).toBe(
        StatusCode.notFound,
      );
      expect(world().leftovers()).toEqual([`socket ${shim.socketPath}`]);
    },
  );
});
