import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Any } from "../../src/generated/shim/any";
import { BootstrapParams, BootstrapResult, LogLevel } from "../../src/generated/shim/bootstrap";
import { Options } from "../../src/generated/shim/options";
import { RuntimeInfo } from "../../src/generated/shim/types";
import { pack, unpack } from "../../src/shim/any";
import { until } from "../support/background";
import { scratchDir } from "../support/environment";
import { allPids, isAlive, makeCgroups, readProcFile, removeCgroups } from "../support/host";
import { shows } from "../support/shows";
import { addressIn } from "./shim.mjs";
import {
  type Bundle,
  namespace,
  refusalOf,
  shimPath,
  shimSuite,
  useShims,
  waits,
} from "./use-shims";

const contract = "containerd's runtime v2";
const none = new Uint8Array();

shimSuite("shim: start", () => {
  const world = useShims();

  /** Processes of this test's shims, also of those that only begin or end. */
  const daemons = () =>
    allPids().filter(
      (pid) =>
        isAlive(pid) &&
        readProcFile(pid, "cmdline")?.startsWith(shimPath) &&
        readProcFile(pid, "cmdline")?.includes(world().dir),
    );

  const params = (bundle: Bundle, changes: Partial<BootstrapParams> = {}): BootstrapParams => ({
    instanceId: bundle.id,
    namespace,
    logLevel: LogLevel.INFO,
    containerdVersion: "v2.3.0",
    containerdTtrpcAddress: world().containerd.ttrpcAddress,
    containerdGrpcAddress: world().containerd.grpcAddress,
    containerdBinary: "/bin/true",
    extensions: [],
    socketDir: undefined,
    ...changes,
  });
  const modeOf = (path: string) => statSync(path).mode & 0o777;

  for (const [what, input] of [
    ["nothing", none],
    ["options", Any.encode(pack(Options, Options.decode(none))).finish()],
  ] as const) {
    shows(contract, `${what} on standard input is answered with the bare address`, async () => {
      const bundle = world().bundle();

      const { status, stdout, stderr } = await world().answerOf(bundle, { input });

      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout.toString()).toMatch(/^unix:\/\/\/run\/containerd\/s\/[0-9a-f]{64}$/);
      expect(readFileSync(join(bundle.dir, "address"), "utf8")).toBe(stdout.toString());
      const { pid, socketPath } = await world().start(bundle);
      expect(readFileSync(join(bundle.dir, "shim.pid"), "utf8")).toBe(String(pid));
      expect(`unix://${socketPath}`).toBe(stdout.toString());
      expect(modeOf(socketPath)).toBe(0o600);
    });
  }

  shows(
    contract,
    "parameters are answered with a result of version 3, and no byte more",
    async () => {
      const bundle = world().bundle();
      const socketDir = join(world().dir, "a/s");

      const input = BootstrapParams.encode(params(bundle, { socketDir })).finish();
      const { status, stdout, stderr } = await world().answerOf(bundle, { input });

      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const result = BootstrapResult.decode(stdout);
      const { address } = result;
      expect(result).toMatchObject({ version: 3, protocol: "ttrpc" });
      expect(Buffer.from(BootstrapResult.encode(result).finish())).toEqual(stdout);
      expect(address.startsWith(`unix://${socketDir}/`)).toBe(true);
      expect(modeOf(socketDir)).toBe(0o700);
      expect(modeOf(address.slice("unix://".length))).toBe(0o600);
      const shim = await world().attach(bundle, { ...addressIn(address), version: 3 });
      await shim.run(bundle);
      await shim.end(bundle.id);
      await world().containerd.waitFor(bundle.id, "/tasks/delete", 10_000);
    },
  );

  /** `start` is answered before the shim has read what it is given: what is wrong Create tells. */
  async function refusalAfter(
    bundle: Bundle,
    input: Uint8Array,
    address: (answer: Buffer) => string,
  ) {
    const { status, stdout, stderr } = await world().answerOf(bundle, { input });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const shim = await world().attach(bundle, addressIn(address(stdout)));
    const { message } = await refusalOf(shim.create(bundle));
    expect(world().leftovers()).toEqual([`socket ${shim.socketPath}`]);
    return message;
  }

  shows(contract, "options among the parameters count", async () => {
    const bundle = world().bundle();
    const shimCgroup = "/tsoci-test/there/is/none";
    const value = pack(Options, { ...Options.decode(none), shimCgroup });
    const input = BootstrapParams.encode(params(bundle, { extensions: [{ value }] })).finish();

    const addressOf = (answer: Buffer) => BootstrapResult.decode(answer).address;
    expect(await refusalAfter(bundle, input, addressOf)).toContain(shimCgroup);
  });

  shows(contract, "a further container of a group finds the shim of the first", async () => {
    const [first, second, other] = ["pod", "pod", "else"].map((group) =>
      world().bundle(waits, { group }),
    ) as [Bundle, Bundle, Bundle];
    const shim = await world().start(first);

    const joined = await world().start(second);

    expect([joined.pid, joined.socketPath]).toEqual([shim.pid, shim.socketPath]);
    expect((await world().start(other)).pid).not.toBe(shim.pid);
    expect(readFileSync(join(second.dir, "address"), "utf8")).toBe(`unix://${shim.socketPath}`);
    await joined.run(second);
    expect((await shim.call("state", { id: second.id })).bundle).toBe(second.dir);
  });

  shows("promise", "of starts of a group at the same time one makes a shim", async () => {
    const bundles = Array.from({ length: 6 }, () => world().bundle(waits, { group: "pod" }));

    const shims = await Promise.all(bundles.map((bundle) => world().start(bundle)));

    expect(new Set(shims.map(({ pid }) => pid)).size).toBe(1);
    expect(daemons()).toEqual([shims[0]?.pid]);
  });

  shows(contract, "the socket of a shim that was killed is taken over", async () => {
    const bundle = world().bundle();
    const killed = await world().start(bundle);
    await killed.kill();
    expect(existsSync(killed.socketPath)).toBe(true);

    const shim = await world().start(bundle);

    expect(shim.socketPath).toBe(killed.socketPath);
    expect(shim.pid).not.toBe(killed.pid);
  });

  shows("promise", "the daemon keeps nothing of its caller", async () => {
    const bundle = world().bundle();
    const { args, cwd, env, input } = world().program.invocation("start", bundle);
    const kept = openSync(join(bundle.dir, "config.json"), "r");
    const environment = { ...env, NOTIFY_SOCKET: "/run/notify", LISTEN_FDS: "1", LISTEN_PID: "1" };
    const stdio = ["pipe", "pipe", "pipe", kept, kept] as const;
    const { status, stderr } = spawnSync(shimPath, args, {
      ...{ cwd, env: environment, input },
      stdio: [...stdio],
    });
    closeSync(kept);
    expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: "" });

    const shim = await world().start(bundle);
    const linkOf = (fd: string) => {
      try {
        return readlinkSync(`/proc/${shim.pid}/fd/${fd}`);
      } catch {
        // It has been closed meanwhile.
        return "";
      }
    };
    const open = readdirSync(`/proc/${shim.pid}/fd`).map((fd) => [fd, linkOf(fd)]);

    expect(open).toEqual(
      expect.arrayContaining([
        ["1", join(bundle.dir, "log")],
        ["2", join(bundle.dir, "log")],
      ]),
    );
    expect(open.filter(([, path]) => path?.endsWith("config.json"))).toEqual([]);
    expect(readlinkSync(`/proc/${shim.pid}/cwd`)).toBe("/");
    const [, , group, session] = fieldsOf(shim.pid);
    expect([group, session]).toEqual([String(shim.pid), String(shim.pid)]);
    // A container would tell a service manager that containerd is ready.
    const container = await shim.run(bundle);
    expect(readProcFile(container, "environ")?.split("\0").sort()).toEqual([
      "",
      "HOME=/",
      "PATH=/bin",
    ]);
    expect(readProcFile(container, "mountinfo")).not.toContain("notify");
  });

  /** Of proc(5), /proc/PID/stat, behind the name: state, parent, group, session. */
  const fieldsOf = (pid: number) =>
    (readProcFile(pid, "stat") ?? "").replace(/^.*\) /s, "").split(" ");

  shows("promise", "containers have the limit of open files that containerd has", async () => {
    const path = join(world().dir, "limited");
    writeFileSync(path, `#!/bin/sh\nulimit -Sn 321\nexec ${shimPath} "$@"\n`, { mode: 0o755 });
    world().program = world().programWith({ path });

    const { shim, id, pid } = await world().running();
    const execPid = await shim.runExec(id, "e", waits);

    for (const process of [pid, execPid]) {
      expect(readProcFile(process, "limits")).toMatch(/^Max open files +321 /m);
    }
    await shim.end(id);
  });

  shows(
    contract,
    "what has no effect is told by the fifo of the log, as containerd writes",
    async () => {
      world().program = world().programWith({ runtime: "/usr/bin/other" });

      const { shim } = await world().running();

      const line = await until("a line", () => shim.log.text.endsWith("\n") && shim.log.text);
      expect(line).toMatch(
        /^time="[^"]+" level=warning msg="option \\"BinaryName\\" is .*" shim=c1\n$/,
      );
    },
  );

  shows("promise", "when memory runs out, the shim goes before containerd", async () => {
    const bundle = world().bundle();

    const { pid } = await world().start(bundle);

    const ours = Number(readProcFile(process.pid, "oom_score_adj"));
    expect(Number(readProcFile(pid, "oom_score_adj"))).toBe(Math.min(ours + 1, 1000));
  });

  shows(contract, "ShimCgroup is where the shim is, and its containers are not", async () => {
    const shimCgroup = `/tsoci-test/${scratchDir().split("/").at(-1)}/of-shim`;
    makeCgroups(shimCgroup);
    try {
      const bundle = world().bundle();
      const options = pack(Options, {
        ...unpack(Options, world().program.options as Any),
        shimCgroup,
      });
      world().program.options = options;

      const shim = await world().start(bundle);
      const container = await shim.run(bundle);

      const inHierarchies = (pid: number) =>
        (readProcFile(pid, "cgroup") ?? "")
          .trim()
          .split("\n")
          .filter((line) => !line.includes(":name="))
          .map((line) => line.split(":")[2]);
      expect(new Set(inHierarchies(shim.pid))).toEqual(new Set([shimCgroup]));
      expect(inHierarchies(container)).not.toContain(shimCgroup);
      await shim.kill();
    } finally {
      removeCgroups(shimCgroup);
    }
  });

  shows(contract, "-v tells the version", () => {
    const { status, stdout, stderr } = spawnSync(shimPath, ["-v"], { encoding: "utf8" });

    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^containerd-shim-tsoci-v2 version \d+\.\d+\.\d+\S*\n$/);
  });

  shows(contract, "-info tells name, features, and the options that it was given", () => {
    const options = pack(Options, { ...Options.decode(none), root: "/some" });
    const input = Any.encode(options).finish();

    const { status, stdout, stderr } = spawnSync(shimPath, ["-info"], { input });

    expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: "" });
    const info = RuntimeInfo.decode(stdout);
    expect(info.name).toBe("io.containerd.tsoci.v2");
    expect(info.version?.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(unpack(Options, info.options as Any).root).toBe("/some");
    const features = JSON.parse(new TextDecoder().decode(info.features?.value));
    expect(features).toMatchObject({ ociVersionMin: "1.0.0", linux: expect.anything() });
  });

  const named = ["-namespace", namespace, "-id", "box"];
  for (const [args, found] of [
    [["start"], "-id"],
    [["-id", "box", "start"], "-namespace"],
    [[...named, "begin"], '"begin"'],
    [[...named, "start", "now"], '"now"'],
    [[...named, "-nonsense", "start"], "nonsense"],
    [[...named], "-socket"],
    [[...named, "-bundle", "/there/is/none", "start"], "/there/is/none"],
  ] as const) {
    shows("promise", `"${args.join(" ")}" is refused, with what was found`, () => {
      const cwd = world().dir;
      mkdirSync(join(cwd, "bundle"));

      const called = { cwd: join(cwd, "bundle"), input: "", encoding: "utf8" } as const;
      const { status, stdout, stderr } = spawnSync(shimPath, args, called);

      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr.trimEnd().split("\n")).toEqual([expect.stringContaining(found)]);
      expect(readdirSync(called.cwd)).toEqual([]);
    });
  }

  shows("promise", "what is on standard input and cannot be read is refused", async () => {
    const bundle = world().bundle();

    const message = await refusalAfter(bundle, Buffer.from([0xff, 0xff]), String);

    expect(message).toMatch(/^start the shim: standard input has 2 bytes, /);
  });
});
