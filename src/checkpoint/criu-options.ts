import type {
  CriuCgMode,
  CriuNetworkLockMethod,
  CriuOpts,
  ExtMountMap,
  InheritFd,
  JoinNamespace,
} from "../generated/criu-rpc";
import type { ExternalMount } from "../plan/external-mounts";
import type { NamespaceChoice, NamespaceType } from "../plan/namespace-choice";
import { namespaceKinds } from "../spec/kernel-constants";
import { isFileFromOutside, isFromOutside } from "./streams";

/** What callers choose of how CRIU goes about it, for both ways. */
export interface CriuSettings {
  /** Where the images are or come to be; absolute. */
  readonly imageDir: string;
  /** Where CRIU writes its log; absolute. The image directory if there is none. */
  readonly workDir?: string;
  readonly tcpEstablished: boolean;
  readonly tcpClose: boolean;
  readonly externalUnixSockets: boolean;
  readonly shellJob: boolean;
  readonly fileLocks: boolean;
  readonly lazyPages: boolean;
  readonly autoDedup: boolean;
  readonly manageCgroupsMode?: keyof typeof cgroupModes;
  /** Namespaces that are restored empty. */
  readonly emptyNamespaces: readonly EmptyNamespace[];
}

export interface CheckpointSettings extends CriuSettings {
  readonly leaveRunning: boolean;
  /** Only memory, as a base for the next checkpoint. */
  readonly preDump: boolean;
  /** An earlier checkpoint, from the image directory on. */
  readonly parentPath?: string;
  readonly tcpSkipInFlight: boolean;
  readonly linkRemap: boolean;
  readonly pageServer?: { readonly address: string; readonly port: number };
  /** A descriptor of the caller that hears when the page server is ready. */
  readonly statusFd?: number;
  readonly networkLock?: keyof typeof networkLocks;
}

export interface RestoreSettings extends CriuSettings {
  readonly lsmProfile?: string;
  readonly lsmMountContext?: string;
}

export const cgroupModes = {
  soft: "SOFT",
  full: "FULL",
  strict: "STRICT",
  ignore: "IGNORE",
} as const satisfies Record<string, CriuCgMode>;

export const networkLocks = {
  iptables: "IPTABLES",
  nftables: "NFTABLES",
  skip: "SKIP",
} as const satisfies Record<string, CriuNetworkLockMethod>;

/** CRIU knows no other that a container can do without. */
export const emptyNamespaces = ["network"] as const satisfies NamespaceType[];
export type EmptyNamespace = (typeof emptyNamespaces)[number];

/** Descriptors of ours, which CRIU opens by /proc. */
export interface CriuDirectories {
  readonly imagesDirFd: number;
  readonly workDirFd?: number;
}

const logFiles = { dump: "dump.log", restore: "restore.log" } as const;

/** Where CRIU writes what it does. */
export const logPath = ({ imageDir, workDir }: CriuSettings, operation: keyof typeof logFiles) =>
  `${workDir ?? imageDir}/${logFiles[operation]}`;

/** Warnings and what is done: all that helps to see why CRIU refused. */
const logLevel = 4;

/** What a mask on a file is called in the images, and on the host. */
const nullDevice = "/dev/null";

function common(settings: CriuSettings, directories: CriuDirectories) {
  const flags = settings.emptyNamespaces.reduce((all, type) => all | namespaceKinds[type].flag, 0);
  return {
    ...directories,
    logLevel,
    notifyScripts: true,
    // The first is for a CRIU that is told no mode.
    manageCgroups: true,
    ...(settings.manageCgroupsMode === undefined
      ? {}
      : { manageCgroupsMode: cgroupModes[settings.manageCgroupsMode] }),
    tcpEstablished: settings.tcpEstablished,
    tcpClose: settings.tcpClose,
    extUnixSk: settings.externalUnixSockets,
    shellJob: settings.shellJob,
    fileLocks: settings.fileLocks,
    lazyPages: settings.lazyPages,
    autoDedup: settings.autoDedup,
    orphanPtsMaster: true,
    ...(flags === 0 ? {} : { emptyNs: flags }),
  };
}

/** A container that is to be dumped. */
export interface DumpedContainer {
  readonly pid: number;
  readonly rootfs: string;
  /** The directory that freezes it; undefined when none does. */
  readonly freezerDir: string | undefined;
  /** What is mounted from outside: where, and what the config calls it. */
  readonly boundMounts: readonly { readonly mountPoint: string; readonly name: string }[];
  /** Files that /dev/null covers. */
  readonly maskedFiles: readonly string[];
  readonly outsideNamespaces: readonly OutsideNamespace[];
  /** As CRIU calls them. */
  readonly streams: readonly string[];
  readonly configFile: string | undefined;
}

/** Namespaces that outlive their container and are handed over as descriptors. CRIU joins the other ones by path. */
export const handedOver = {
  network: "extRootNetNS",
  pid: "extRootPidNS",
} as const satisfies Partial<Record<NamespaceType, string>>;
export type HandedOver = keyof typeof handedOver;

export const isHandedOver = (type: NamespaceType): type is HandedOver =>
  Object.hasOwn(handedOver, type);

export interface OutsideNamespace {
  readonly type: HandedOver;
  readonly inode: string;
}

export function dumpOptions(
  settings: CheckpointSettings,
  container: DumpedContainer,
  directories: CriuDirectories,
): CriuOpts {
  const { pid, rootfs, freezerDir, boundMounts, maskedFiles, configFile } = container;
  const { parentPath, pageServer, statusFd, networkLock } = settings;
  const external = [
    ...container.outsideNamespaces.map(
      ({ type, inode }) => `${namespaceKinds[type].file}[${inode}]:${handedOver[type]}`,
    ),
    ...new Set(container.streams.filter(isFileFromOutside)),
  ];
  const mounts: ExtMountMap[] = [
    ...boundMounts.map(({ mountPoint, name }) => ({ key: mountPoint, val: name })),
    ...maskedFiles.map((path) => ({ key: path, val: nullDevice })),
  ];
  return {
    ...common(settings, directories),
    pid,
    root: rootfs,
    logFile: logFiles.dump,
    leaveRunning: settings.leaveRunning,
    tcpSkipInFlight: settings.tcpSkipInFlight,
    linkRemap: settings.linkRemap,
    external,
    // A dump of memory alone looks at no mount.
    ...(settings.preDump ? {} : { extMnt: mounts }),
    ...(freezerDir === undefined ? {} : { freezeCgroup: freezerDir }),
    ...(parentPath === undefined ? {} : { parentImg: parentPath, trackMem: true }),
    ...(pageServer === undefined ? {} : { ps: pageServer }),
    ...(statusFd === undefined ? {} : { statusFd }),
    ...(networkLock === undefined ? {} : { networkLock: networkLocks[networkLock] }),
    ...(configFile === undefined ? {} : { configFile }),
  };
}

/** Where a container is to be restored. */
export interface RestoredContainer {
  /** Where the rootfs is mounted for CRIU. */
  readonly root: string;
  readonly mounts: readonly ExternalMount[];
  readonly joinedNamespaces: NamespaceChoice["joined"];
  /** As `descriptors.json` has them. */
  readonly streams: readonly string[];
  readonly configFile: string | undefined;
}

/** `firstNamespaceFd`: the number of the first namespace that is handed over, in the CRIU process; the others follow. */
export function restoreOptions(
  settings: RestoreSettings,
  container: RestoredContainer,
  directories: CriuDirectories,
  firstNamespaceFd: number,
): CriuOpts {
  const { root, mounts, joinedNamespaces, streams, configFile } = container;
  const { lsmProfile, lsmMountContext } = settings;
  const inherited: InheritFd[] = [
    // What else a stream was is in the container, or has to be.
    ...streams.flatMap((key, fd) => (isFromOutside(key) ? [{ key, fd }] : [])),
    ...joinedNamespaces
      .flatMap(({ type }) => (isHandedOver(type) ? [handedOver[type]] : []))
      .map((key, index) => ({ key, fd: firstNamespaceFd + index })),
  ];
  const joined: JoinNamespace[] = joinedNamespaces
    .filter(({ type }) => !isHandedOver(type))
    .map(({ type, path }) => ({ ns: namespaceKinds[type].file, nsFile: path }));
  return {
    ...common(settings, directories),
    root,
    logFile: logFiles.restore,
    // The restored init is to be our child, not CRIU's.
    rstSibling: true,
    // A device or file that was opened by another name than it has now is found by the one it has.
    evasiveDevices: true,
    extMnt: [
      ...mounts.map(({ target, source }) => ({ key: target, val: source })),
      { key: nullDevice, val: nullDevice },
    ],
    inheritFd: inherited,
    joinNs: joined,
    // Other fifos and files have other modes; a CRIU that cannot skip that does not know the option.
    ...(streams.some(isFileFromOutside) ? { skipFileRwxCheck: true } : {}),
    ...(lsmProfile === undefined ? {} : { lsmProfile }),
    ...(lsmMountContext === undefined ? {} : { lsmMountContext }),
    ...(configFile === undefined ? {} : { configFile }),
  };
}
