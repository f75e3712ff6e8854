import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import type { CriuReq, CriuResp } from "../generated/criu-rpc";
import { environmentList } from "../hooks/run-hooks";
import { loadAside } from "../host/aside";
import { closeFile, realPath, statusOf } from "../host/files";
import { reapChild } from "../host/pidfds";
import type { RuntimeOptions } from "../lifecycle/requests";
import { lastErrors } from "./log";
import type { CriuCodec } from "./rpc";

/** What CRIU has come to, and the descriptor that it hands over with it. */
export interface Notified {
  readonly script: string;
  readonly pid: number;
  readonly fd: number | undefined;
}

export interface CriuStart {
  /** The first three descriptors of the CRIU process. */
  readonly streams: readonly [number, number, number];
  /** Those that follow its socket. */
  readonly fds: readonly number[];
  /** What is bound where, in a mount namespace of its own. */
  readonly bind?: { readonly source: string; readonly target: string };
}

/** In the CRIU process: after its three streams. */
const linkNumber = 3;
export const firstExtraFd = linkNumber + 1;

/** The oldest that knows the freezer of cgroup v2, namespaces of processes from outside, and other labels. */
const oldest = { major: 3, minor: 16 };

/** A CRIU process of ours, that serves one operation: https://criu.org/RPC, "criu swrk". */
export class Criu {
  private readonly codec: CriuCodec = loadAside("criu-rpc").criuCodec();

  private constructor(
    private readonly runtime: RuntimeOptions,
    private readonly path: string,
    private readonly linkFd: number,
    readonly pid: number,
    private readonly pidfd: number,
  ) {}

  /** Starts CRIU for what `work` asks, and waits for its end. Throws CRIU_FAILED when there is none, or one too old. */
  static use<Result>(
    runtime: RuntimeOptions,
    start: CriuStart,
    work: (criu: Criu) => Result,
  ): Result {
    const criu = Criu.start(runtime, start);
    try {
      criu.assertNewEnough();
      return work(criu);
    } finally {
      criu.end();
    }
  }

  private static start(runtime: RuntimeOptions, { streams, fds, bind }: CriuStart): Criu {
    const { addon, launch } = runtime;
    const path = findCriu(launch.variable("PATH") ?? "");
    const link = addon.openLink();
    try {
      const { pid, pidfd } = addon.startProgram({
        path,
        args: ["criu", "swrk", String(linkNumber)],
        env: environmentList(launch),
        fds: [...streams, link.initFd, ...fds],
        nofileSoft: launch.nofileSoft ?? -1n,
        bindSource: bind?.source ?? "",
        bindTarget: bind?.target ?? "",
      });
      return new Criu(runtime, path, link.driverFd, pid, pidfd);
    } catch (cause) {
      closeFile(link.driverFd);
      throw new RuntimeError("CRIU_FAILED", `start "${path}"`, { cause });
    } finally {
      // The end of the link shows that CRIU is gone only when nobody else holds its side.
      closeFile(link.initFd);
    }
  }

  /** Whether this CRIU can do that with this kernel. */
  has(feature: "memTrack" | "lazyPages"): boolean {
    const features = { memTrack: true, lazyPages: true };
    const { features: found } = this.ask({ type: "FEATURE_CHECK", keepOpen: true, features });
    return found?.[feature] === true;
  }

  /**
   * Sends a request and waits for what comes of it; CRIU waits whenever it says how far it is. A failure
   * of `onNotified` makes CRIU take back what it did, and is thrown then. Throws CRIU_FAILED for CRIU's own.
   */
  ask(request: CriuReq, onNotified: (notified: Notified) => void = () => {}): CriuResp {
    this.send(request);
    let failure: { readonly error: unknown } | undefined;
    while (true) {
      const { response, fds } = this.receive();
      if (response.type === "NOTIFY" && response.success) {
        const { script = "", pid = 0 } = response.notify ?? {};
        try {
          onNotified({ script, pid, fd: fds[0] });
        } catch (error) {
          failure ??= { error };
        }
        this.send({ type: "NOTIFY", notifySuccess: failure === undefined });
        continue;
      }
      if (failure !== undefined) throw failure.error;
      if (!response.success) throw this.refusal(response);
      return response;
    }
  }

  /** The end of the link tells it that nothing more will be asked. */
  private end(): void {
    closeFile(this.linkFd);
    reapChild(this.runtime.addon, this.pidfd);
  }

  private assertNewEnough(): void {
    const { version } = this.ask({ type: "VERSION", keepOpen: true });
    const { majorNumber: major = 0, minorNumber: minor = 0 } = version ?? {};
    if (major > oldest.major || (major === oldest.major && minor >= oldest.minor)) return;
    throw new RuntimeError(
      "CRIU_FAILED",
      `"${this.path}" is CRIU ${major}.${minor}, and ${oldest.major}.${oldest.minor} or later is needed`,
    );
  }

  private send(request: CriuReq): void {
    const bytes = this.codec.encode(request);
    try {
      this.runtime.addon.sendMessage({ fd: this.linkFd, bytes, fds: [] });
    } catch (cause) {
      if (isErrno(cause, "EPIPE")) throw ended();
      throw new RuntimeError("CRIU_FAILED", "talk to criu", { cause });
    }
  }

  private receive(): { readonly response: CriuResp; readonly fds: readonly number[] } {
    const { bytes, fds } = this.runtime.addon.receiveMessage({ fd: this.linkFd, timeoutMs: -1 });
    if (bytes.length === 0) throw ended();
    try {
      return { response: this.codec.decode(bytes), fds };
    } catch (cause) {
      throw new RuntimeError("CRIU_FAILED", "criu sent what is no message of its protocol", {
        cause,
      });
    }
  }

  private refusal({ type, crErrno = 0, crErrmsg = "" }: CriuResp): RuntimeError {
    const what = String(type).toLowerCase().replace("_", "-");
    const reason = crErrno === 0 ? [] : [this.runtime.addon.describeErrno({ errno: crErrno })];
    // What it complained of first; its log says more.
    const first = lastErrors(crErrmsg) || crErrmsg.trim();
    return new RuntimeError("CRIU_FAILED", [`criu ${what}`, ...reason].join(": "), {
      cause: new Error(first),
    });
  }
}

const ended = () => new RuntimeError("CRIU_FAILED", "criu ended without an answer");

function findCriu(searchPath: string): string {
  // Only absolute directories: the bundle may be the working directory, and the image's own.
  const dirs = searchPath.split(":").filter((dir) => dir.startsWith("/"));
  const found = dirs.map((dir) => `${dir}/criu`).find(isProgram);
  if (found !== undefined) return found;
  throw new RuntimeError("CRIU_FAILED", `there is no program "criu" in PATH ("${searchPath}")`);
}

function isProgram(path: string): boolean {
  try {
    const status = statusOf(realPath(path));
    return status?.kind === "file" && (status.mode & 0o111) !== 0;
  } catch {
    // Nothing there, or nothing that we may look at: the next directory may have one.
    return false;
  }
}
