// Drives the shim of any runtime as containerd does: the executable by its arguments, the daemon by ttrpc.
import { spawn } from "node:child_process";
import { Any } from "../../build/js/generated/shim/any.js";
import { Options } from "../../build/js/generated/shim/options.js";
import { DeleteResponse, TaskDefinition } from "../../build/js/generated/shim/task.js";
import { pack } from "../../build/js/shim/any.js";
import { TtrpcClient } from "../../build/js/shim/ttrpc/client.js";
import { StatusCode } from "../../build/js/shim/ttrpc/status.js";
import { patience } from "./deadline.mjs";
import { FifoReader } from "./fifos.mjs";

/** What is longer than this on any machine is stuck. */
export const callTimeoutMs = 60_000;

const processType = "types.containerd.io/opencontainers/runtime-spec/1/Process";
const none = new Uint8Array();

/** A message with defaults for what is not given. */
const message = (type, fields) => ({ ...type.decode(none), ...fields });

/** One shim's executable, the namespace of its containers, and the containerd that it is told of. */
export class ShimProgram {
  path;
  namespace;
  containerd;
  options;
  environment;

  /**
   * @param {Record<string, any>} given `runtime` is what the shim is told to call, and `root` where it keeps its state; both may be left out.
   * `environment` is what it gets besides what containerd gives.
   */
  constructor(given) {
    const { path, namespace, containerd, runtime, root, environment = {} } = given;
    this.path = path;
    this.namespace = namespace;
    this.containerd = containerd;
    this.environment = environment;
    const set = { binaryName: runtime ?? "", root: root ?? "" };
    const isEmpty = set.binaryName === "" && set.root === "";
    this.options = isEmpty ? undefined : pack(Options, message(Options, set));
  }

  /** How `command`, "start" or "delete", is called for a container: what Node's spawn takes. */
  invocation(command, { id, dir }) {
    const { grpcAddress, ttrpcAddress } = this.containerd;
    const flags = ["-namespace", this.namespace, "-address", grpcAddress];
    const args = [...flags, "-publish-binary", "/bin/true", "-id", id, "-bundle", dir, command];
    const environment = {
      PATH: process.env.PATH,
      ...this.environment,
      TTRPC_ADDRESS: ttrpcAddress,
      GRPC_ADDRESS: grpcAddress,
      NAMESPACE: this.namespace,
      MAX_SHIM_VERSION: "2",
    };
    const input = this.options === undefined ? none : Any.encode(this.options).finish();
    return { args, cwd: dir, env: environment, input };
  }

  /** Starts the shim of the container's group, or finds it; the answer says where it listens. */
  async start(bundle) {
    const log = new FifoReader(`${bundle.dir}/log`);
    try {
      const address = addressIn((await this.#must("start", bundle)).toString());
      return { ...address, log };
    } catch (error) {
      log.close();
      throw error;
    }
  }

  /** What containerd calls for each container whose shim is gone. */
  async delete(bundle) {
    return DeleteResponse.decode(await this.#must("delete", bundle));
  }

  async #must(command, bundle) {
    const invocation = this.invocation(command, bundle);
    const { status, stdout, stderr } = await this.run(invocation);
    if (status === 0) return stdout;
    throw new Error(`${this.path} ${invocation.args.join(" ")}: ${status}: ${stderr.trim()}`);
  }

  /** What becomes of an invocation; `status` is the name of the signal that ended it, if one did. */
  run({ args, cwd, env, input }) {
    return new Promise((resolve, reject) => {
      const child = spawn(this.path, args, { cwd, env, timeout: callTimeoutMs * patience });
      const said = { stdout: [], stderr: [] };
      for (const name of Object.keys(said)) child[name].on("data", (part) => said[name].push(part));
      child.on("error", reject);
      child.on("close", (status, signal) => {
        const stderr = Buffer.concat(said.stderr).toString();
        resolve({ status: status ?? signal, stdout: Buffer.concat(said.stdout), stderr });
      });
      // A shim that takes no options may have ended before it was told of them.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  }
}

/** The old form is the address alone, the later one JSON. */
export function addressIn(answer) {
  const { address, version } = answer.startsWith("{")
    ? JSON.parse(answer)
    : { address: answer, version: 2 };
  if (!address.startsWith("unix://"))
    throw new Error(`the shim answered "${answer}", and must say its socket`);
  return { socketPath: address.slice("unix://".length), version };
}

/** Whether a call has failed because the shim is not there any more. */
export const isGone = (error) => error.status === StatusCode.unavailable;

/** A connection to a shim's daemon. Every failure of a call is a CallError. */
export class ShimConnection {
  #client;
  #service;

  constructor(client, version) {
    this.#client = client;
    this.#service = `containerd.task.v${version}.Task`;
  }

  static async open({ socketPath, version }) {
    return new ShimConnection(await TtrpcClient.connect(socketPath), version);
  }

  /** `name` is a key of TaskDefinition.methods; fields that are left out have their defaults. */
  call(name, fields) {
    const method = TaskDefinition.methods[name];
    const request = message(method.requestType, fields);
    return this.#client.call(this.#service, method, request, {
      timeoutMs: callTimeoutMs * patience,
    });
  }

  /**
   * As containerd does: `mounts` make the root file system, `stdio` is by path.
   *
   * @param {Record<string, any>} given
   */
  create(program, bundle, given = {}) {
    const { mounts = [], stdio = {} } = given;
    const rootfs = mounts.map((mount) => ({ target: "", ...mount }));
    const { id, dir } = bundle;
    return this.call("create", { id, bundle: dir, rootfs, options: program.options, ...stdio });
  }

  /** `process` is as in config.json. */
  exec(id, execId, process, stdio = {}) {
    const spec = { typeUrl: processType, value: Buffer.from(JSON.stringify(process)) };
    return this.call("exec", { id, execId, spec, ...stdio });
  }

  close() {
    this.#client.close();
  }
}
