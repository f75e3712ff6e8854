import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Background, until, useBackground } from "../support/background";
import type { Container } from "../support/container";
import { callerEnvironment, notifyTool } from "../support/environment";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("process: NOTIFY_SOCKET", () => {
  const container = useContainers();
  const { start } = useBackground();

  /** A service manager that waits to hear of a service, and the environment that it gives. */
  async function manage(box: Container): Promise<{ manager: Background; env: NodeJS.ProcessEnv }> {
    const socket = join(box.dir, "notify.sock");
    const manager = start(notifyTool, [socket]);
    await until("the socket", () => existsSync(socket));
    return { manager, env: { ...callerEnvironment(), NOTIFY_SOCKET: socket } };
  }

  shows(
    "peers",
    "the program has a socket of its own, and what it says of being ready is passed on",
    async () => {
      const box = container();
      box.probe("--notify", "READY=1", "--wait");
      const { manager, env } = await manage(box);

      box.do("create", [], { env });
      const { pid } = box.state();
      box.do("start", [], { env });

      await manager.until("the message", (text) => /^READY=1/m.test(text));
      await manager.until("the pid", (text) => text.includes(`MAINPID=${pid}`));
      const variable = box.report().env.find((entry) => entry.startsWith("NOTIFY_SOCKET="));
      expect(variable).toBe("NOTIFY_SOCKET=/run/notify/notify.sock");
    },
  );

  shows("peers", "start of a program that ends without a word does not wait for one", async () => {
    const box = container();
    const { env } = await manage(box);

    box.do("create", [], { env });
    box.do("start", [], { env, timeoutMs: 10_000 });

    box.waitUntilStopped();
    box.do("delete");
    expect(box.leftovers()).toEqual([]);
  });

  shows("peers", "without NOTIFY_SOCKET the program has none", () => {
    const { env, mounts } = container().see();

    expect(env.join(" ")).not.toContain("NOTIFY_SOCKET");
    expect(mounts.map(({ target }) => target)).not.toContain("/run/notify");
  });
});
