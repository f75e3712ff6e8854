import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import type { StartResponse, TaskDefinition } from "../../src/generated/shim/task";
import type { RequestOf, ResponseOf } from "../../src/shim/ttrpc/service";
import { until } from "../support/background";
import type { Config } from "../support/config";
import {
  callerEnvironment,
  isTsoci,
  programPath,
  repositoryDir,
  scratchDir,
} from "../support/environment";
import { cgroupDirs, cgroupParent, killIfAlive, readMounts, removeCgroups } from "../support/host";
import { suiteOf } from "../support/shows";
import { makeBundles, processOf, simpleConfig } from "./bundles.mjs";
import { FakeContainerd } from "./containerd.mjs";
import { FifoReader, makeFifos } from "./fifos.mjs";
import { ShimConnection, ShimProgram } from "./shim.mjs";

/** These tests know our shim: what they show is not asked of another runtime. */
export function shimSuite(name: string, body: () => void): void {
  if (isTsoci) suiteOf(["root", "static busybox"], name, body);
  else describe.skip(name, body);
}

export const shimPath = join(repositoryDir, "dist/bin/containerd-shim-tsoci-v2");
export const namespace = "shim-tests";

export const shell = (text: string) => ["/bin/busybox", "sh", "-c", text];
export const waits = ["/bin/busybox", "sleep", "100000"];

type Methods = (typeof TaskDefinition)["methods"];
type Answer<Name extends keyof Methods> = ResponseOf<Methods[Name]>;

export interface Bundle {
  readonly id: string;
  readonly dir: string;
  readonly cgroupPath: string;
  readonly config: Config;
}

export interface Streams {
  readonly stdin?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly terminal?: boolean;
}

/** How a call fails: the number and the words of its status. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
}

/** What rejects, as its reason; fails when it does not. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const failure = await call.then(
    (answer) => new Error(`the call was answered with ${textOf(answer)}`),
    (error: Refusal) => error,
  );
  if (failure instanceof Error && !("status" in failure)) throw failure;
  const { status, message } = failure as Refusal;
  return { status, message };
}

const textOf = (answer: unknown) =>
  JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? String(value) : value));

/** Where a daemon listens, and the version of its interface. */
interface Address {
  readonly socketPath: string;
  readonly version: number;
  readonly log?: FifoReader;
}

/** What of an invocation of the program is not as containerd's. */
export interface Change {
  readonly args?: (usual: string[]) => readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: Uint8Array;
}

/** A daemon that was started for a container, and a connection to it. */
export class Shim {
  readonly log: FifoReader;

  private constructor(
    private readonly world: ShimWorld,
    readonly connection: ShimConnection,
    readonly socketPath: string,
    readonly pid: number,
    log: FifoReader,
  ) {
    this.log = log;
  }

  static async attach(world: ShimWorld, bundle: Bundle, address: Address): Promise<Shim> {
    const connection = await ShimConnection.open(address);
    const { shimPid } = await connection.call("connect", { id: bundle.id });
    const log = address.log ?? new FifoReader(join(bundle.dir, "log"));
    return new Shim(world, connection, address.socketPath, shimPid, log);
  }

  /** Fields that are left out have their defaults. */
  call<Name extends keyof Methods>(
    name: Name,
    fields: Partial<RequestOf<Methods[Name]>>,
  ): Promise<Answer<Name>> {
    return this.connection.call(name, fields);
  }

  /** Makes a container; its pid. */
  async create(bundle: Bundle, stdio: Streams = {}): Promise<number> {
    const answer = await this.connection.create(this.world.program, bundle, { stdio });
    return (answer as StartResponse).pid;
  }

  /** Makes a container and starts it; its pid. */
  async run(bundle: Bundle, stdio: Streams = {}): Promise<number> {
    await this.create(bundle, stdio);
    return (await this.call("start", { id: bundle.id })).pid;
  }

  exec(
    id: string,
    execId: string,
    args: readonly string[],
    stdio: Streams = {},
    edit: Record<string, unknown> = {},
  ): Promise<unknown> {
    return this.connection.exec(id, execId, { ...processOf(args), ...edit }, stdio);
  }

  /** Announces a process and starts it; its pid. */
  async runExec(
    id: string,
    execId: string,
    args: readonly string[],
    stdio: Streams = {},
    edit: Record<string, unknown> = {},
  ): Promise<number> {
    await this.exec(id, execId, args, stdio, edit);
    return (await this.call("start", { id, execId })).pid;
  }

  /** Kills a container with everything in it, and removes it. */
  async end(id: string): Promise<void> {
    await this.call("kill", { id, signal: 9, all: true });
    await this.call("wait", { id });
    await this.call("delete", { id });
  }

  /** Kills the daemon, if it is there, and waits until it has nothing open any more. */
  async kill(): Promise<void> {
    killIfAlive(this.pid);
    // Its first thread may be gone before the others are, and its connections before its listener.
    while (await this.#isListening());
  }

  async #isListening(): Promise<boolean> {
    try {
      const connection = await ShimConnection.open({ socketPath: this.socketPath, version: 3 });
      connection.close();
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    this.connection.close();
    this.log.close();
  }
}

/** A containerd that is none, with the containers and shims of one test. */
export class ShimWorld {
  readonly dir: string;
  readonly stateRoot: string;
  containerd!: FakeContainerd;
  program!: ShimProgram;
  readonly #bundles: Bundle[] = [];
  readonly #shims: Shim[] = [];
  readonly #readers: FifoReader[] = [];
  #count = 0;

  constructor() {
    this.dir = mkdtempSync(join(scratchDir(), "shim-"));
    // Ids of a user namespace must be able to reach a rootfs.
    chmodSync(this.dir, 0o755);
    this.stateRoot = join(this.dir, "state");
  }

  async open(): Promise<void> {
    await this.listen();
    this.program = this.programWith({});
  }

  async listen(): Promise<void> {
    this.containerd = await FakeContainerd.listen(this.dir);
  }

  /** The shim's program; `runtime` and `root` are options of it. */
  programWith(changes: Record<string, unknown>): ShimProgram {
    return new ShimProgram({
      path: shimPath,
      namespace,
      containerd: this.containerd,
      root: this.stateRoot,
      environment: callerEnvironment(),
      ...changes,
    });
  }

  /** A bundle with a busybox as its root file system. */
  bundle(
    args: readonly string[] = waits,
    { group, edit = () => {} }: { group?: string; edit?: (config: Config) => void } = {},
  ): Bundle {
    this.#count += 1;
    const id = `c${this.#count}`;
    const cgroupPath = join(cgroupParent(), this.dir.slice(scratchDir().length + 1), id);
    const config = simpleConfig(args, cgroupPath) as unknown as Config;
    edit(config);
    const [made] = makeBundles(this.dir, [{ id, config, group }]) as { id: string; dir: string }[];
    const dir = made?.dir ?? "";
    for (const name of ["bin", "proc", "dev", "tmp", "sys"]) {
      mkdirSync(join(dir, "rootfs", name));
    }
    linkSync(programPath("busybox"), join(dir, "rootfs/bin/busybox"));
    linkSync(programPath("probe"), join(dir, "rootfs/probe"));
    const bundle = { id, dir, cgroupPath, config };
    this.#bundles.push(bundle);
    return bundle;
  }

  async start(bundle: Bundle): Promise<Shim> {
    return this.attach(bundle, await this.program.start(bundle));
  }

  /** `start` as containerd calls it, but for what is changed. */
  async answerOf(bundle: Bundle, change: Change = {}) {
    const invocation = this.program.invocation("start", bundle);
    const args = change.args?.(invocation.args) ?? invocation.args;
    const env = { ...invocation.env, ...change.env };
    const { input = invocation.input } = change;
    const answer = await this.program.run({ ...invocation, args, env, input });
    return answer as { status: number; stdout: Buffer; stderr: string };
  }

  /** A further connection to a shim that is there. */
  async attach(bundle: Bundle, address: Address): Promise<Shim> {
    const shim = await Shim.attach(this, bundle, address);
    this.#shims.push(shim);
    return shim;
  }

  /** A container that runs, and its shim. */
  async running(
    args: readonly string[] = waits,
    options: Parameters<ShimWorld["bundle"]>[1] = {},
    stdio: Streams = {},
  ): Promise<{ bundle: Bundle; id: string; shim: Shim; pid: number }> {
    const bundle = this.bundle(args, options);
    const shim = await this.start(bundle);
    return { bundle, id: bundle.id, shim, pid: await shim.run(bundle, stdio) };
  }

  /** Paths of new fifos. */
  fifos<Name extends string>(...names: Name[]): Record<Name, string> {
    this.#count += 1;
    const paths = names.map((name) => [name, join(this.dir, `${this.#count}.${name}`)] as const);
    makeFifos(paths.map(([, path]) => path));
    return Object.fromEntries(paths) as Record<Name, string>;
  }

  reader(path: string): FifoReader {
    const reader = new FifoReader(path);
    this.#readers.push(reader);
    return reader;
  }

  /** Ends what the test has left, and says what should not have been left. */
  async close(): Promise<string[]> {
    // All of them first: one may have taken the socket of another.
    for (const { pid } of this.#shims) killIfAlive(pid);
    for (const shim of this.#shims) await shim.kill();
    for (const shim of this.#shims) shim.close();
    for (const reader of this.#readers) reader.close();
    // The same that containerd does for a shim that it has lost.
    for (const bundle of this.#bundles) await this.program.delete(bundle);
    const left = await this.#leftovers();
    await this.containerd.close();
    for (const target of this.#mounts().reverse()) spawnSync("umount", ["--lazy", target]);
    for (const { cgroupPath } of this.#bundles) removeCgroups(join(cgroupPath, ".."));
    rmSync(this.dir, { recursive: true, force: true });
    return left;
  }

  /** What is there of the test's containers and shims, apart from their bundles. */
  leftovers(): string[] {
    return [
      ...this.#mounts().map((target) => `mount ${target}`),
      ...this.#bundles.flatMap(({ cgroupPath }) => cgroupDirs(cgroupPath)),
      ...statesBelow(join(this.stateRoot, namespace)),
      ...this.#shims
        .map(({ socketPath }) => socketPath)
        .filter((path) => existsSync(path))
        .map((path) => `socket ${path}`),
    ];
  }

  #mounts(): string[] {
    return readMounts()
      .map(({ target }) => target)
      .filter((target) => target.startsWith(this.dir));
  }

  async #leftovers(): Promise<string[]> {
    try {
      await until("nothing to be left", () => this.leftovers().length === 0, 2_000);
      return [];
    } catch {
      return this.leftovers();
    }
  }
}

/** Filters that were compiled for seccomp are no container's. */
function statesBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => !name.startsWith("@"))
    .map((name) => `state ${join(dir, name)}`);
}

/** A world of its own for each test; nothing may be left of it behind the test. */
export function useShims(): () => ShimWorld {
  let world: ShimWorld;
  beforeEach(async () => {
    world = new ShimWorld();
    await world.open();
  });
  afterEach(async () => {
    expect(await world.close()).toEqual([]);
  });
  return () => world;
}
