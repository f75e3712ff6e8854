import type { Config } from "../generated/config";
import type { Step } from "../generated/plan";
import type { HostFacts } from "./host-facts";
import { chooseNamespaces, type NamespaceChoice } from "./namespace-choice";
import type { SeccompListener } from "./seccomp";

export type Idmap = { readonly recursive: boolean } & (
  | { readonly uidMap: string; readonly gidMap: string }
  /** The user namespace that the container joins, and whose mappings its config need not know. */
  | { readonly userNamespace: string }
);

/** A detached copy of what is at `path` on the host. */
export interface MountSource {
  /** Absolute. */
  readonly path: string;
  readonly recursive: boolean;
  /** False: of a symbolic link itself. */
  readonly follow: boolean;
  readonly idmap?: Idmap;
}

/** A descriptor that a step needs, and that the driver opens when the plan is carried out. */
export type DescriptorRequest =
  /** One that the operation holds anyway, and closes itself. */
  | { readonly kind: "held"; readonly name: HeldName }
  /** The file by which a thread joins the container's directory of a v1 hierarchy. */
  | { readonly kind: "cgroupTasks"; readonly path: string }
  | { readonly kind: "namespace"; readonly path: string; readonly nsType: number }
  | { readonly kind: "idmap"; readonly uidMap: string; readonly gidMap: string }
  | ({ readonly kind: "mountSource" } & MountSource);

/** The start gate; of the container that a further process joins, a pidfd of its init and its root directory. */
export type HeldName = "gate" | "container" | "root";

/** A step, and the property of config.json that asks for it. */
export interface PlannedStep {
  readonly step: Step;
  /** JSON pointer into config.json; empty for what every container gets. */
  readonly property: string;
}

export interface PlanOptions {
  readonly id: string;
  readonly bundleDir: string;
  /** Absolute, without symbolic links. */
  readonly rootfsPath: string;
  /** False: `--no-pivot`. */
  readonly pivot: boolean;
  /** False: `--no-new-keyring`. */
  readonly newKeyring: boolean;
  readonly preserveFds: number;
  /** Where the container's cgroup is, as init will see it, for each hierarchy that it is in. */
  readonly cgroupPath: string;
  /** The compiled filter of `linux.seccomp`. */
  readonly seccomp?: {
    readonly program: Uint8Array;
    readonly flags: number;
    readonly listener?: SeccompListener;
  };
  /** Directory of the host that holds the socket by which the program tells that it is ready. */
  readonly notifyDir?: string;
  /** Variables that the runtime adds to the program's environment. */
  readonly extraEnv: readonly string[];
  /** The environment of hooks that name none. */
  readonly hookEnv: () => readonly string[];
}

/** What the steps of the program itself are made from, be it a container's first or a further one. */
export interface ProcessContext {
  readonly config: Config;
  readonly namespaces: NamespaceChoice;
  readonly facts: Pick<HostFacts, "euid">;
  readonly options: Pick<PlanOptions, "preserveFds" | "seccomp" | "extraEnv">;
}

/** What the steps of a mount are made from, be it one of a new container or of one that runs. */
export interface MountContext {
  readonly config: Config;
  readonly namespaces: NamespaceChoice;
  readonly facts: Pick<HostFacts, "euid" | "selinux">;
  readonly options: Pick<PlanOptions, "bundleDir" | "rootfsPath">;
  descriptor(request: DescriptorRequest): number;
  /** Has the source of a bind mount opened before anything else is done. */
  sourceDescriptor?(source: MountSource): number;
}

/** What the sections of a plan are made from. Steps name descriptors by their place in `descriptors`. */
export class PlanContext implements ProcessContext {
  readonly descriptors: DescriptorRequest[] = [];
  readonly namespaces: NamespaceChoice;

  constructor(
    readonly config: Config,
    readonly facts: HostFacts,
    readonly options: PlanOptions,
  ) {
    this.namespaces = chooseNamespaces(config);
  }

  /** Asks for a descriptor; the answer stands in a step until the real number is known. */
  descriptor(request: DescriptorRequest): number {
    return this.descriptors.push(request) - 1;
  }
}
