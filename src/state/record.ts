import type { Hook } from "../generated/config";
import type { NamespaceType } from "../plan/namespace-choice";
import type { SeccompListener } from "../plan/seccomp";

/**
 * What we store about a container. The outer properties have the names and shapes of runc's state.json,
 * because other programs read them; what only tsoci needs is in `tsoci`.
 */
export interface ContainerRecord {
  readonly id: string;
  /** 0 until init is ready. */
  readonly init_process_pid: number;
  /** Clock ticks since boot. */
  readonly init_process_start: number;
  /** RFC 3339. */
  readonly created: string;
  readonly rootless: boolean;
  /** The container's directory in each hierarchy, by controller; "" is cgroup v2. */
  readonly cgroup_paths: Readonly<Record<string, string>>;
  /** By the name of the clone flag without CLONE_. */
  readonly namespace_paths: Readonly<Record<string, string>>;
  readonly external_descriptors: readonly string[];
  /** The class of service in the resctrl file system, if the container has one. */
  readonly intel_rdt_path?: string;
  readonly config: { readonly rootfs: string; readonly labels: readonly string[] };
  readonly tsoci: OwnRecord;
}

export interface OwnRecord {
  readonly bundle: string;
  /** The specification that config.json was written for. */
  readonly ociVersion: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly bootId: string;
  /** The driver that makes the container, while it does. */
  readonly creator?: { readonly pid: number; readonly startTimeTicks: number };
  /** Cgroup directories that we made, deepest last; `delete` removes them. */
  readonly createdCgroups: readonly string[];
  /** Groups of the resctrl file system that we made, deepest last; `delete` removes them. */
  readonly createdGroups?: readonly string[];
  /** The unit of systemd that the container is in. */
  readonly unit?: { readonly name: string; readonly manager: "system" | "user" };
  readonly ownPidNamespace: boolean;
  /** Namespaces that the config names by a path. */
  readonly joinedNamespaces: readonly NamespaceType[];
  /** Where something of the host is mounted. */
  readonly boundPaths: readonly string[];
  /** Where something may have been covered: files by /dev/null. */
  readonly maskedPaths: readonly string[];
  /** Without a mount namespace of its own: where its one mount on the host is, and how many were there before. */
  readonly hostMount?: { readonly path: string; readonly countBefore: number };
  readonly hasProcess: boolean;
  /** Whom `start` sends the descriptor of seccomp notifications. */
  readonly seccompListener?: SeccompListener;
  readonly hooks: { readonly poststart: readonly Hook[]; readonly poststop: readonly Hook[] };
  /** What init still does when it has reported that it is ready, for what it says of these steps to `start`. */
  readonly afterStart: {
    readonly first: number;
    readonly steps: readonly { readonly op: string; readonly label: string }[];
  };
}
