import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { until, useBackground } from "../support/background";
import { type Config, processOf, withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import {
  checkpoint,
  expectSilence,
  imageFlags,
  makeCounter,
  restore,
  withCriu,
} from "../support/criu";
import { runtimePath, terminalTool } from "../support/environment";
import { logHooks, probeHook } from "../support/hook";
import { cgroupParent, namespaceOf, readProcFile } from "../support/host";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

rootSuite("restore", () => {
  const container = useContainers();
  const { start } = useBackground();

  /** Runs or restores in the foreground, beside the test. What is at the other end of its streams is no pipe. */
  async function attached(box: Container, command: "run" | "restore", through: string[] = []) {
    const images = command === "restore" ? imageFlags(box) : [];
    const args = ["--root", box.stateRoot, command, "--bundle", box.bundleDir, ...images, box.id];
    const [program = "", ...rest] = [...through, runtimePath, ...args];
    const foreground = start(program, rest, withCriu());
    await until("the program", () => box.attempt("state").stdout.includes('"running"'));
    return foreground;
  }

  /** A container that was asked once, and a checkpoint of it. */
  function checkpointed(edit: (config: Config, box: Container) => void = () => {}) {
    const box = container(edit);
    const counter = makeCounter(box);
    box.do("run", ["--detach"]);
    counter.waitUntilReady();
    expect(counter.ask("one")).toBe("1 one");
    const before = { pid: box.state().pid, mounts: mountsOf(box.state().pid) };
    expectSilence(checkpoint(box));
    return { box, counter, before };
  }

  /** What the process sees mounted, and how; numbers of mounts and devices differ each time. */
  function mountsOf(pid: number): string[] {
    const lines = (readProcFile(pid, "mountinfo") ?? "").trimEnd().split("\n");
    return lines.map((line) => {
      const [, , , root, target, options] = line.split(" ");
      const [type] = line.slice(line.indexOf(" - ") + 3).split(" ");
      return `${type} ${type === "tmpfs" || type === "proc" ? root : ""} ${target} ${options}`;
    });
  }

  shows(
    "runc: restore",
    "a restored container goes on where it was, with the same mounts",
    () => {
      const { box, counter, before } = checkpointed();

      expectSilence(restore(box, "--detach"));

      const state = box.state();
      expect(state.status).toBe("running");
      expect(counter.ask("two")).toBe("2 two");
      expect(mountsOf(state.pid)).toEqual(before.mounts);
      box.kill("KILL");
      box.waitUntilStopped();
      box.do("delete");
      expect(box.leftovers()).toEqual([]);
    },
    ["CRIU"],
  );

  shows(
    "containerd: restore",
    "it understands what containerd calls it with, and writes the pid file",
    () => {
      const { box, counter } = checkpointed();
      const pidFile = join(box.dir, "pid");

      const flags = ["--detach", "--pid-file", pidFile, "-no-subreaper"];
      expectSilence(restore(box, ...flags));

      expect(readFileSync(pidFile, "utf8")).toBe(String(box.state().pid));
      expect(counter.ask("two")).toBe("2 two");
    },
    ["CRIU"],
  );

  shows(
    "runc: restore",
    "in the foreground it ends as the program does, and deletes the container",
    async () => {
      const { box, counter } = checkpointed();

      const foreground = await attached(box, "restore");
      counter.tell("exit");
      const ended = await foreground.end();

      expect({ ...ended, stderr: foreground.stderr }).toEqual({
        status: 7,
        signal: null,
        stderr: "",
      });
      expect(box.leftovers()).toEqual([]);
    },
    ["CRIU"],
  );

  shows(
    "runc: restore",
    "a pipe for standard output is the new caller's",
    async () => {
      const box = container();
      const counter = makeCounter(box, ":");
      const piped = ["sh", "-c", '"$@" 2>&1 </dev/null | cat', "piped"];
      const first = await attached(box, "run", piped);
      counter.waitUntilReady();
      expect(counter.ask("one")).toBe("1 one");
      expectSilence(checkpoint(box));
      await first.end();
      expect(first.stdout).toBe("1 one\n");

      const second = await attached(box, "restore", piped);
      expect(counter.ask("two")).toBe("2 two");

      expect(await second.until("its words", (text) => text.includes("\n") && text)).toBe(
        "2 two\n",
      );
    },
    ["CRIU"],
  );

  shows(
    "runc: restore --console-socket",
    "the socket gets the master of the restored terminal",
    async () => {
      const box = container((config) => {
        processOf(config).terminal = true;
      });
      const counter = makeCounter(box, ":");
      const listen = async (name: string) => {
        const socket = join(box.dir, name);
        const receiver = start(terminalTool, ["receive", socket]);
        await until("the socket", () => existsSync(socket));
        return { socket, receiver };
      };
      const first = await listen("first.sock");
      box.do("run", ["--detach", "--console-socket", first.socket]);
      counter.waitUntilReady();
      expectSilence(checkpoint(box));

      const second = await listen("second.sock");
      expectSilence(restore(box, "--detach", "--console-socket", second.socket));

      const line = await second.receiver.until(
        "the descriptor",
        (text) => text.includes("\n") && text.split("\n")[0],
      );
      expect(JSON.parse(line)).toMatchObject({ isTerminal: true });
      expect(counter.ask("one")).toBe("1 one");
    },
    ["CRIU"],
  );

  shows(
    "runc: restore",
    "mount points are made anew in another rootfs, behind links and below other mounts too",
    () => {
      const { box, counter } = checkpointed((config, edited) => {
        const outer = join(edited.dir, "outer");
        const inner = join(edited.dir, "inner");
        for (const dir of [outer, inner]) mkdirSync(dir);
        mkdirSync(join(edited.rootfsDir, "run"));
        mkdirSync(join(edited.rootfsDir, "var"));
        symlinkSync("/run", join(edited.rootfsDir, "var", "run"));
        config.mounts.push(
          { destination: "/outer", type: "bind", source: outer, options: ["bind"] },
          { destination: "/outer/inner", type: "bind", source: inner, options: ["bind", "ro"] },
          { destination: "/var/run/secrets", type: "bind", source: inner, options: ["bind", "ro"] },
        );
      });
      for (const dir of ["rootfs/outer", "rootfs/run/secrets", "rootfs/shared"])
        rmSync(join(box.bundleDir, dir), { recursive: true });
      rmSync(join(box.dir, "outer", "inner"), { recursive: true });

      expectSilence(restore(box, "--detach"));

      expect(counter.ask("two")).toBe("2 two");
      const targets = mountsOf(box.state().pid).map((line) => line.split(" ")[2]);
      expect(targets).toEqual(expect.arrayContaining(["/outer/inner", "/run/secrets"]));
    },
    ["CRIU"],
  );

  shows(
    "config-linux.md#namespaces",
    "a network namespace that the config names is the restored container's too",
    () => {
      const holder = start("unshare", ["--net", "sleep", "infinity"]);
      const own = namespaceOf(process.pid, "net");
      waitFor("the namespace", () => namespaceOf(holder.pid, "net") !== own);
      const { box, counter } = checkpointed((config) => {
        config.linux.namespaces = config.linux.namespaces.map((entry) =>
          entry.type === "network" ? { ...entry, path: `/proc/${holder.pid}/ns/net` } : entry,
        );
      });

      expectSilence(restore(box, "--detach"));

      expect(counter.ask("two")).toBe("2 two");
      expect(namespaceOf(box.state().pid, "net")).toBe(namespaceOf(holder.pid, "net"));
    },
    ["CRIU"],
  );

  shows(
    "runc: restore --manage-cgroups-mode ignore",
    "the container can be restored into another cgroup",
    () => {
      const { box, counter } = checkpointed();
      const elsewhere = `${cgroupParent()}/${box.id}-elsewhere`;
      box.config.linux.cgroupsPath = elsewhere;
      box.writeConfig();

      expectSilence(restore(box, "--detach", "--manage-cgroups-mode", "ignore"));

      expect(counter.ask("two")).toBe("2 two");
      const paths = (readProcFile(box.state().pid, "cgroup") ?? "").trimEnd().split("\n");
      expect(new Set(paths.map((line) => line.split(":")[2]))).toEqual(new Set([elsewhere]));
      box.do("delete", ["--force"]);
    },
    ["CRIU"],
  );

  shows(
    "runtime.md#lifecycle",
    "hooks of create run when the namespaces are there; one that fails takes everything back",
    () => {
      const box = container();
      const counter = makeCounter(box);
      const lines = logHooks(box, ["prestart", "createRuntime", "poststart", "poststop"]);
      box.do("run", ["--detach"]);
      counter.waitUntilReady();
      expectSilence(checkpoint(box));
      const known = lines().length;
      const hooks = box.config.hooks ?? {};

      expectSilence(restore(box, "--detach"));
      expect(lines().slice(known)).toEqual(["prestart", "createRuntime"]);
      expectSilence(checkpoint(box));
      hooks.createRuntime = [probeHook("createRuntime", "--quiet", "--exit", "3")];
      box.writeConfig();
      const failed = restore(box, "--detach");

      expectRefusal(failed, "error running createRuntime hook #0: exit status 3");
      expect(lines().at(-1)).toBe("poststop");
      expect(box.leftovers()).toEqual([]);
    },
    ["CRIU"],
  );

  shows(
    "config-linux.md#user-namespace-mappings",
    "a container with a user namespace keeps it",
    () => {
      const { box, counter } = checkpointed((config) => withUserNamespace(config));

      expectSilence(restore(box, "--detach"));

      expect(counter.ask("two")).toBe("2 two");
      expect(namespaceOf(box.state().pid, "user")).not.toBe(namespaceOf(process.pid, "user"));
    },
    ["CRIU", "user namespaces"],
  );

  shows(
    "rules of tsoci: nothing is left",
    "what a killed restore leaves can be deleted",
    () => {
      const { box } = checkpointed();
      const hook = box.script("hook", "kill -KILL $PPID");
      box.config.hooks = { createRuntime: [{ path: hook }] };
      box.writeConfig();

      const killed = restore(box, "--detach");

      expect(killed.status).toBe(-1);
      expect(box.state().status).toBe("stopped");
      box.do("delete", ["--force"]);
      expect(box.leftovers()).toEqual([]);
    },
    ["CRIU"],
  );
});
