import { createServer } from "node:net";
import { join } from "node:path";
import { type Background, useBackground } from "../support/background";
import { processOf, withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import { agentTool, runtimePath } from "../support/environment";
import { tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { allowBut, systemCalls } from "../support/seccomp";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

rootSuite("security: seccomp notifications", () => {
  const container = useContainers();
  const { start } = useBackground();

  const socketOf = (box: Container) => join(box.dir, "agent.sock");

  /** One that answers every call with this errno; 0 lets it through. */
  async function startAgent(box: Container, errno: number): Promise<Background> {
    const agent = start(agentTool, [socketOf(box), String(errno)]);
    await agent.until("the agent", (stdout) => stdout.includes("listening"));
    return agent;
  }

  const stateIn = (stdout: string) => {
    const line = stdout.split("\n").find((text) => text.startsWith("state "));
    return line === undefined ? undefined : JSON.parse(line.slice("state ".length));
  };

  const notifying = (names: readonly string[], edit: Parameters<typeof container>[0] = () => {}) =>
    container((config, box) => {
      const profile = allowBut(config, { names, action: "SCMP_ACT_NOTIFY" });
      profile.listenerPath = socketOf(box);
      profile.listenerMetadata = "some text";
      config.root = { path: "rootfs" };
      edit(config, box);
    });

  for (const noNewPrivileges of [true, false]) {
    shows(
      "config-linux.md#seccomp",
      `the agent answers what is trapped, with noNewPrivileges ${noNewPrivileges}`,
      async () => {
        const box = notifying(["mkdir", "mkdirat"], (config) => {
          processOf(config).noNewPrivileges = noNewPrivileges;
        });
        box.probe("--mkdir", "/tmp/one");
        const agent = await startAgent(box, 28);

        const seen = box.see();

        expect(tried(seen, "mkdir", "/tmp/one").error).toBe("ENOSPC");
        expect(seen.seccomp).toBe(2);
        // Of the listener, the link and the gate nothing is left.
        expect(seen.fds.map(({ fd }) => fd)).toEqual([0, 1, 2]);
        await agent.until("the call", (stdout) => stdout.includes("call "));
      },
    );
  }

  shows(
    "config-linux.md#containerprocessstate",
    "the agent gets the container's state with one descriptor, and the connection is closed",
    async () => {
      const box = notifying(["getppid"], (config) => {
        config.annotations = { some: "thing" };
      });
      box.probe("--wait");
      const agent = await startAgent(box, 0);
      box.do("create");
      const { pid } = box.state();
      box.do("start");

      const sent = await agent.until("the state", stateIn);

      expect(sent).toEqual({
        ociVersion: expect.stringMatching(/^1\./),
        fds: ["seccompFd"],
        pid,
        metadata: "some text",
        state: {
          ociVersion: sent.ociVersion,
          id: box.id,
          status: "created",
          pid,
          bundle: box.bundleDir,
          annotations: { some: "thing" },
        },
      });
      await agent.until("the end", (stdout) => stdout.includes("descriptors 1\nclosed\n"));
      box.kill("KILL");
    },
  );

  shows(
    "config-linux.md#seccomp",
    "every system call but write may be trapped, the execve too",
    async () => {
      const names = [...systemCalls().keys()].filter((name) => name !== "write");
      const box = notifying(names);
      const agent = await startAgent(box, 0);

      expect(box.see().seccomp).toBe(2);

      const execve = systemCalls().get("execve");
      const first = await agent.until("the calls", (stdout) => /call \d+/.exec(stdout)?.[0]);
      expect(first).toBe(`call ${execve}`);
    },
  );

  shows(
    "config-linux.md#seccomp",
    "a container with a user namespace has an agent too",
    async () => {
      const box = notifying(["getppid"], (config) => withUserNamespace(config));
      const getppid = String(systemCalls().get("getppid"));
      box.probe("--syscall", getppid);
      await startAgent(box, 33);

      expect(tried(box.see(), "syscall", getppid).error).toBe("EDOM");
    },
    ["user namespaces"],
  );

  shows("config-linux.md#seccomp", "the flag WAIT_KILLABLE_RECV is applied", async () => {
    const box = notifying(["getppid"], (config) => {
      Object.assign(config.linux.seccomp as object, {
        flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
      });
    });
    const getppid = String(systemCalls().get("getppid"));
    box.probe("--syscall", getppid);
    await startAgent(box, 33);

    expect(tried(box.see(), "syscall", getppid).error).toBe("EDOM");
  });

  shows(
    "config-linux.md#seccomp",
    "without a socket start fails, the container stays, and start may be tried again",
    async () => {
      const box = notifying(["getppid"]);
      box.probe("--wait");
      box.do("create");

      expectRefusal(box.attempt("start"), "there is no socket", socketOf(box));
      expect(box.state().status).toBe("created");

      await startAgent(box, 0);
      box.do("start");
      expect(box.state().status).toBe("running");
      box.kill("KILL");
    },
  );

  shows(
    "config-linux.md#seccomp",
    "where nobody listens start fails, and the program does not run",
    async () => {
      const box = notifying(["getppid"]);
      const agent = await startAgent(box, 0);
      agent.kill("SIGKILL");
      await agent.end();
      box.do("create");

      expectRefusal(box.attempt("start"), "failed to connect with seccomp agent", "ECONNREFUSED");

      waitFor("the end of init", () => box.state().status === "stopped");
      expect(box.output()).toBe("");
      box.do("delete");
    },
  );

  shows(
    "config-linux.md#seccomp",
    "an agent that hangs up before it has the state makes start fail",
    async () => {
      const box = notifying(["getppid"], (config) => {
        // More than a socket holds.
        config.annotations = { large: "x".repeat(1_000_000) };
      });
      const server = createServer((socket) => socket.destroy());
      await new Promise<void>((resolve) => server.listen(socketOf(box), resolve));
      box.do("create");
      const started = start("sh", [
        "-c",
        'exec "$0" "$@" 2>&1',
        ...[runtimePath, "--root", box.stateRoot, "start", box.id],
      ]);

      expect(await started.end()).toMatchObject({ status: 1 });
      expect(started.stdout).toContain("send to the seccomp agent");

      server.close();
      waitFor("the end of init", () => box.state().status === "stopped");
      expect(box.output()).toBe("");
    },
  );

  shows("config-linux.md#seccomp", "without a notification listenerPath means nothing", () => {
    const box = container((config) => {
      const profile = allowBut(config, { names: ["getppid"], action: "SCMP_ACT_ERRNO" });
      profile.listenerPath = "/no/such/agent";
    });

    expect(box.see().seccomp).toBe(2);
  });
});
