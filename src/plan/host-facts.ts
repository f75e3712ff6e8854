/** What planning may know of the machine. Read once, before anything is changed. */
export interface HostFacts {
  readonly euid: number;
  readonly egid: number;
  /** The mounted cgroup hierarchies. */
  readonly cgroups: CgroupLayout;
  /** Whether the runtime itself is root of a user namespace only, and may not make device nodes. */
  readonly inUserNamespace: boolean;
  /** Whether the host shows /proc/kcore. */
  readonly hasKcore: boolean;
  /** Security modules that are on. */
  readonly apparmor: boolean;
  readonly selinux: boolean;
  /** Where the whole of the resctrl file system is mounted; undefined when it is nowhere. */
  readonly resctrl: string | undefined;
}

export interface CgroupLayout {
  /** `unified`: v2 alone. `legacy`: v1 hierarchies, and in hybrid mode v2 besides. `none`: no hierarchy is mounted. */
  readonly mode: "unified" | "legacy" | "none";
  readonly hierarchies: readonly CgroupHierarchy[];
}

export interface CgroupHierarchy {
  readonly version: 1 | 2;
  /** Controllers and `name=…` of a v1 hierarchy, in the order of the mount's options; empty for v2. */
  readonly controllers: readonly string[];
  readonly mountPoint: string;
  /** The part of the hierarchy that the mount shows, from its top. */
  readonly mountRoot: string;
}
