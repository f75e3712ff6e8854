import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { until, useBackground } from "../support/background";
import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { agentTool, runtimePath } from "../support/environment";
import { namespaceOf } from "../support/host";
import { tried } from "../support/report";
import { allowBut } from "../support/seccomp";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("exec: seccomp", () => {
  const container = useContainers();
  const { start } = useBackground();

  for (const noNewPrivileges of [true, false]) {
    shows(
      "config-linux.md#seccomp",
      `the container's filter holds for further processes, with noNewPrivileges ${noNewPrivileges}`,
      () => {
        const box = container((config) => {
          allowBut(config, { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 });
          config.root = { path: "rootfs" };
          processOf(config).noNewPrivileges = noNewPrivileges;
        });
        box.runWaiting();

        const seen = box.seeExec([], ["--mkdir", "/tmp/one"]);
        const file = box.processFile({ args: ["/probe", "--mkdir", "/tmp/two"] });
        const again = JSON.parse(box.exec([], ["--process", file]).stdout);

        expect(seen.seccomp).toBe(2);
        expect(tried(seen, "mkdir", "/tmp/one").error).toBe("ENOSPC");
        expect(tried(again, "mkdir", "/tmp/two").error).toBe("ENOSPC");
        // What the filter took CAP_SYS_ADMIN for is gone with the execve.
        expect(seen.capabilities.effective).toBe("20000420");
      },
    );
  }

  shows("config-linux.md#seccomp", "without a profile there is no filter", () => {
    const box = container();
    box.runWaiting();

    expect(box.seeExec().seccomp).toBe(0);
  });

  shows(
    "config-linux.md#containerprocessstate",
    "the agent gets a listener for the further process, with its own pid",
    async () => {
      const box = container((config, { dir }) => {
        const profile = allowBut(config, { names: ["getppid"], action: "SCMP_ACT_NOTIFY" });
        profile.listenerPath = join(dir, "agent.sock");
        profile.listenerMetadata = "some text";
      });
      const first = await startAgent(box, 0);
      const pid = box.runWaiting();
      await first.until("the state", (stdout) => stdout.includes("closed"));
      rmSync(join(box.dir, "agent.sock"));
      const agent = await startAgent(box, 28);

      const exec = start(runtimePath, box.execArgs(["/probe", "--wait"]));
      const line = await agent.until("the state", (stdout) => /^state (.*)$/m.exec(stdout)?.[1]);
      const sent = JSON.parse(line);

      expect(sent).toMatchObject({
        fds: ["seccompFd"],
        metadata: "some text",
        state: { id: box.id, status: "running", pid },
      });
      expect(sent.pid).not.toBe(pid);
      await exec.until("the report", (stdout) => stdout.includes("\n"));
      expect(namespaceOf(sent.pid, "pid")).toBe(namespaceOf(pid, "pid"));
      await agent.until("the call", (stdout) => stdout.includes("call "));
      exec.kill("SIGTERM");
      expect(await exec.end()).toMatchObject({ status: 128 + 15 });
    },
  );

  shows("config-linux.md#seccomp", "without an agent exec fails, and nothing runs", async () => {
    const box = container((config, { dir }) => {
      const profile = allowBut(config, { names: ["getppid"], action: "SCMP_ACT_NOTIFY" });
      profile.listenerPath = join(dir, "agent.sock");
    });
    const shared = box.share("/shared");
    await startAgent(box, 0);
    box.runWaiting();
    rmSync(join(box.dir, "agent.sock"));

    const outcome = box.attemptExec(["/probe", "--create", "/shared/ran"]);

    expect(outcome.status).toBe(255);
    expect(outcome.stderr).toContain("agent.sock");
    expect(existsSync(join(shared, "ran"))).toBe(false);
  });

  async function startAgent(box: Container, errno: number) {
    const agent = start(agentTool, [join(box.dir, "agent.sock"), String(errno)]);
    await agent.until("the agent", (stdout) => stdout.includes("listening"));
    await until("the socket", () => existsSync(join(box.dir, "agent.sock")));
    return agent;
  }
});
