/**
 * What TypeScript may ask of native code: one request object in, one reply out, no callbacks.
 *
 * Every function is synchronous, except those that answer with a promise. Their waits are attended to by one
 * thread, whatever their number, keep the event loop alive, and are dropped when its environment (a worker
 * thread) ends. A failed system call is thrown as an
 * Error with Node's own properties `code` ("EPERM"), `errno` (negative) and `syscall`, and `detail`, what
 * it was done to. The caller owns every descriptor that is returned; all of them are close-on-exec.
 */
export interface Addon {
  /** A SOCK_SEQPACKET pair: one end for the driver, one for init. */
  openLink(): { driverFd: number; initFd: number };
  /** Clones a process that becomes init, running from a sealed memfd. Blocks until it has exec'd. */
  spawnInit(request: SpawnInitRequest): { pid: number; pidfd: number };
  /** Sends one message, with descriptors. */
  sendMessage(request: { fd: number; bytes: Uint8Array; fds: readonly number[] }): void;
  /**
   * Receives one message. No bytes means that the other side is gone; `isReset`, that it left something unread.
   * ETIMEDOUT when none comes within `timeoutMs`; -1 waits for ever.
   */
  receiveMessage(request: { fd: number; timeoutMs: number }): {
    bytes: Uint8Array;
    fds: number[];
    isReset: boolean;
  };

  /** Makes a listening SOCK_SEQPACKET socket at `path`, mode 0600. */
  listenGate(request: { path: string }): number;
  /** Connects to a gate. ECONNREFUSED: nobody holds it any more. */
  connectGate(request: { path: string }): number;

  /** pidfd_open(2). ESRCH when there is no such process. */
  openPidfd(request: { pid: number }): number;
  /** pidfd_send_signal(2). */
  signalPidfd(request: { pidfd: number; signal: number }): void;
  /** Waits until the process has ended, without reaping it. False after `timeoutMs`; -1 waits for ever. */
  waitPidfd(request: { pidfd: number; timeoutMs: number }): boolean;
  /** Reaps our child: its exit status, or the signal that ended it. */
  reapPidfd(request: { pidfd: number }): { status: number; signal: number };
  /** As `reapPidfd`, without a descriptor: for a child that nobody else reaps, whose pid is therefore its own. */
  reapProcess(request: { pid: number }): { status: number; signal: number };
  /** Waits for the end of all children of ours in a process group that nobody else reaps, and reaps them. */
  reapGroup(request: { pgid: number }): void;

  /** prlimit(2) for another process. */
  setLimit(request: { pid: number; resource: number; soft: bigint; hard: bigint }): void;
  /** CLONE_NEW* of the namespaces that the process is in and we are not. */
  differingNamespaces(request: { pid: number }): number;
  /** Opens a namespace file and checks that it is of that kind (a CLONE_NEW* flag). Never blocks. */
  openNamespace(request: { path: string; nsType: number }): number;
  /** A user namespace with these maps that no process is in, for id-mapped mounts (Linux 5.12). */
  openIdmap(request: { uidMap: string; gidMap: string }): number;
  /** open_tree(2) with OPEN_TREE_CLONE in the mount namespace of `pid`, our own for -1, with our rights: a detached copy, id-mapped by `idmapFd` if that is not -1. Without `follow`, of a symbolic link itself. */
  openMountSource(request: {
    pid: number;
    path: string;
    recursive: boolean;
    follow: boolean;
    idmapFd: number;
    idmapRecursive: boolean;
  }): number;
  /** umount2(2) with MNT_DETACH of what is mounted at `path`, which is not followed. */
  detachMount(request: { path: string }): void;
  /**
   * mount(2) of a new file system at `target` below the directory `dir`, whose links do not lead out of it: a
   * descriptor of the mount's root (O_PATH). Relative paths in `data` are below `workingDir`, "" for our own;
   * nobody else's change. `idmapFd`, if not -1, maps the ids of the mounts that `idmapDirs` are in as far as this
   * one sees them, which is how overlay maps ids (Linux 5.19), or of this mount when there are none.
   */
  mountFilesystem(request: {
    type: string;
    source: string;
    flags: number;
    data: string;
    workingDir: string;
    dir: string;
    target: string;
    idmapFd: number;
    idmapDirs: readonly string[];
  }): number;
  /** Attaches a detached mount in the same way: `fd` stays its root. */
  attachMount(request: { fd: number; dir: string; target: string }): void;
  /** mount_setattr(2) of the mount whose root is open, with MOUNT_ATTR_* and MS_*. */
  changeMount(request: {
    fd: number;
    recursive: boolean;
    set: bigint;
    clear: bigint;
    propagation: bigint;
  }): void;
  /** umount2(2) with MNT_DETACH of the mount whose root is open. */
  detachOpened(request: { fd: number }): void;
  /** A loop device of a file, loop(4), and its path. It goes with the last that has it open, or mounted. */
  openLoop(request: { path: string; readOnly: boolean; directIo: boolean }): {
    fd: number;
    device: string;
  };
  /** Where a path of the container of `pid` leads, from the container's root on (openat2(2), RESOLVE_IN_ROOT). */
  pathInRoot(request: { pid: number; path: string }): string;
  /**
   * Opens the directory and takes its flock(2); closing the descriptor lets go. EWOULDBLOCK when it is taken and
   * `wait` is false, ENOENT when it was removed meanwhile.
   */
  lockDirectory(request: { path: string; wait: boolean }): number;

  /** Starts a program of the host as our child. Returns once it has been executed. */
  startProgram(request: StartProgramRequest): { pid: number; pidfd: number };
  /** Runs a hook: `stdin` on its standard input, its own process group, killed whole after `timeoutMs` (-1: never). */
  runHook(request: RunHookRequest): HookOutcome;
  /** Connects to the console socket at `path` and sends it the terminal's master. */
  sendConsole(request: { path: string; masterFd: number }): void;
  /** Connects to the socket at `path` and sends it a pidfd, with the given text (runc: "standard"). */
  sendPidfd(request: { path: string; pidfd: number; text: string }): void;
  /** Connects to a stream socket; connecting, and each message, may take `timeoutMs`. */
  connectAgent(request: { path: string; timeoutMs: number }): number;
  /** Sends a state, and with its first byte the descriptor of seccomp notifications. */
  sendListener(request: { agentFd: number; state: Uint8Array; listenerFd: number }): void;
  /** Readies the master of a foreground console before `start`: no ONLCR, our terminal's size. */
  prepareConsole(request: { masterFd: number }): void;
  /** Attends a foreground container until it ends: forwards signals, copies the terminal. Sleeps in poll(2). */
  superviseForeground(request: SuperviseRequest): SupervisedEnd;
  /** Connects to a service manager's notify socket, by its path or, after "@", its abstract name: sd_notify(3). */
  connectNotify(request: { name: string }): number;
  /** Makes the datagram socket at `path`, mode 0777, that a container tells of itself by. */
  bindNotify(request: { path: string }): number;
  /**
   * Waits until the container has said READY=1, or its process has ended, and passes it on with `mainPid`.
   * `answered`: the manager has taken note of all that it was told; it has 30 seconds to.
   */
  relayReady(request: { notifyFd: number; hostFd: number; pidfd: number; mainPid: number }): {
    ready: boolean;
    answered: boolean;
  };
  /** pipe2(2). */
  openPipe(): { readFd: number; writeFd: number };
  /** dup2(2): `target`, a standard stream, is the same as `fd` from now on. */
  replaceDescriptor(request: { fd: number; target: number }): void;
  /** TIOCSWINSZ, by the terminal's master: ioctl_tty(2). */
  resizeTerminal(request: { masterFd: number; columns: number; rows: number }): void;
  /** Shares processor cores with nobody but its own threads and children to come (PR_SCHED_CORE, Linux 5.14). */
  isolateCores(): void;
  /** PR_SET_CHILD_SUBREAPER. */
  becomeSubreaper(): void;
  /** Keeps signals until superviseForeground passes them on: the program may run, and nobody attend to it yet. */
  holdSignals(): void;

  /** Compiles a profile with libseccomp to the program that init loads. */
  compileSeccomp(request: CompileSeccompRequest): {
    program: Uint8Array;
    unknownSyscalls: string[];
  };
  /** Names what `compileSeccomp` would make of a text: SHA-256 of it, of libseccomp's version, of machine and kernel. */
  seccompKey(request: { text: string }): Uint8Array;
  sha256(request: { bytes: Uint8Array }): Uint8Array;
  /** Moves an interface of this network namespace into another, with its permanent global addresses, and brings it up. */
  moveNetDevice(request: { name: string; newName: string; netnsFd: number }): void;
  /** Loads a BPF_PROG_TYPE_CGROUP_DEVICE program and attaches it to the cgroup v2 directory, in place of ours if one is there. */
  attachDeviceProgram(request: { cgroupFd: number; instructions: Uint8Array }): void;

  /** A child that does nothing, holds no descriptor, and dies with this thread. */
  startPlaceholder(): { pid: number; pidfd: number };
  /**
   * Connects to the D-Bus at that address by libsystemd, which is loaded for it; systemd is who is talked to.
   * There is one connection at a time.
   */
  connectManager(request: { address: string }): void;
  disconnectManager(): void;
  /**
   * Calls a method of systemd's manager. With `waitForJob` it waits until the job that the method begins has
   * ended, and answers its result ("done"). An error of the other side has its D-Bus name as `code`.
   */
  callManager(request: ManagerCall): string;
  /** A property that is a string, of a unit or, with "", of the manager. */
  readManagerProperty(request: { unit: string; interface: string; property: string }): string;

  /** The whole of a regular file as UTF-8, which never blocks. Refuses any other kind, and more than 64 MiB. */
  readText(request: { path: string }): string;
  /** The whole of a regular file, which never blocks. Refuses any other kind, and more than `maxBytes`. */
  readBytes(request: { path: string; maxBytes: number }): Uint8Array;
  /** All that a descriptor has until its end, which is waited for: a pipe's, a socket's. Refuses more than `maxBytes`. */
  readToEnd(request: { fd: number; maxBytes: number }): Uint8Array;
  /** Writes a file at once: one that is there, one that may not be there yet, or whatever is there. */
  writeText(request: {
    path: string;
    text: string;
    how: "existing" | "new" | "replace";
    mode: number;
  }): void;
  makeDirectory(request: { path: string; mode: number }): void;
  removeDirectory(request: { path: string }): void;
  removeFile(request: { path: string }): void;
  renameFile(request: { from: string; to: string }): void;
  listDirectory(request: { path: string }): { name: string; isDirectory: boolean }[];
  /** lstat(2); undefined when there is nothing. */
  fileStatus(request: {
    path: string;
  }): { kind: "file" | "directory" | "other"; uid: number; mode: number } | undefined;
  /** lchown(2); the group stays. */
  changeOwner(request: { path: string; uid: number }): void;
  /** access(2) with W_OK, by the effective ids. */
  isWritable(request: { path: string }): boolean;
  /** The absolute path without symbolic links. */
  realPath(request: { path: string }): string;
  /** readlink(2). */
  readLink(request: { path: string }): string;
  /** "input" may be a FIFO that nobody writes, and is empty then (O_NONBLOCK); "append" makes the file, 0644, writes through (O_SYNC), and fails with ENXIO for a FIFO that nobody reads; "new" makes one that may not be there yet, 0600; "path" only names a directory (O_PATH). */
  openFile(request: {
    path: string;
    how: "read" | "input" | "readWrite" | "append" | "new" | "path";
  }): number;
  closeFile(request: { fd: number }): void;
  /** write(2): how much was taken. */
  writeBytes(request: { fd: number; bytes: Uint8Array }): number;

  /** An inotify(7) descriptor that is readable once the file has changed. */
  watchFile(request: { path: string }): number;
  /** An eventfd(2), for cgroup v1 to count its events by (cgroups(7), cgroup.event_control). */
  openEventfd(): number;
  /** poll(2): those that are readable, or whose other end is gone. None after `timeoutMs`, or a signal; -1 waits for ever. */
  waitReadable(request: { fds: readonly number[]; timeoutMs: number }): number[];
  /**
   * Waits beside the event loop until a descriptor is readable, or its other end is gone: any that poll(2)
   * takes, a pidfd, an eventfd, an inotify. False after `timeoutMs`; -1 waits for ever. The caller may close
   * its own at once.
   */
  waitReadableAsync(request: { fd: number; timeoutMs: number }): Promise<boolean>;
  /**
   * Copies beside the event loop all that one descriptor has to another, until the end of the first (EIO of a
   * terminal's master is one), or until nobody can read the second any more. While the second is full nothing
   * is read. The caller may close its own at once. Sets O_NONBLOCK on the master of a terminal, and on nothing
   * else. `ended` resolves once all that was read is written; it rejects with what a read or write failed with
   * (ENOSPC of a log), and then the first is not read any more.
   */
  startCopy(request: { fromFd: number; toFd: number }): { copy: number; ended: Promise<void> };
  /**
   * Ends a copy: what can be read without waiting is still written, however long the second takes for it. A
   * second call drops what is left. Nothing, when it has ended already.
   */
  endCopy(request: { copy: number }): void;
  /** Reads what is there of a descriptor that does not block, and drops it. */
  drain(request: { fd: number }): void;

  /** The state of CLOCK_MONOTONIC, in nanoseconds. */
  monotonicNs(): bigint;
  /** An errno as people read it, with the kernel's name last: "operation not permitted (EPERM)". */
  describeErrno(request: { errno: number }): string;
}

export interface SpawnInitRequest {
  /** The encoded plan; it reaches init as a sealed memfd. */
  readonly plan: Uint8Array;
  /** Init's end of the link. */
  readonly linkFd: number;
  /** Descriptors that the plan names; init has them under the same numbers. */
  readonly inheritFds: readonly number[];
  /** Three descriptors above 2 that it has as its standard streams, or none: then it has ours. */
  readonly streams: readonly number[];
  /** Descriptors from 3 on that belong to the container, untouched: `--preserve-fds`. */
  readonly preserveFds: number;
  /** CLONE_NEW* flags of the first clone. */
  readonly cloneFlags: number;
  /** A cgroup v2 directory to be born in, or -1. */
  readonly cgroupFd: number;
  /** The processors that it begins on, as sched_setaffinity(2) has them; none for ours. */
  readonly affinity: Uint8Array;
  /** What the caller's soft RLIMIT_NOFILE was before the engine raised it, or -1n to leave it. */
  readonly nofileSoft: bigint;
}

export interface StartProgramRequest {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Descriptor i of the program is `fds[i]`; it has no others. */
  readonly fds: readonly number[];
  /** What the caller's soft RLIMIT_NOFILE was before the engine raised it, or -1n to leave it. */
  readonly nofileSoft: bigint;
  /** In a mount namespace of its own, where this is bound, with all below it, to `bindTarget`; "" to share ours. */
  readonly bindSource: string;
  readonly bindTarget: string;
}

export interface RunHookRequest {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly stdin: Uint8Array;
  /** Directory it starts in, or "" for the caller's own. */
  readonly cwd: string;
  readonly timeoutMs: number;
  /** What the caller's soft RLIMIT_NOFILE was before the engine raised it, or -1n to leave it. */
  readonly nofileSoft: bigint;
}

export interface HookOutcome {
  readonly status: number;
  readonly signal: number;
  readonly timedOut: boolean;
  /** The last bytes of what it wrote to each, at most 4 KiB. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface SuperviseRequest {
  readonly pidfd: number;
  /** The console's master, or -1 when the container has the caller's own streams. */
  readonly masterFd: number;
  /** The container's notify socket and the one of its manager, which hears READY=1; both -1 for none. */
  readonly notifyFd: number;
  readonly hostFd: number;
}

export interface SupervisedEnd {
  readonly status: number;
  readonly signal: number;
  /** Why the manager could not be told that the program is ready; "" when it was, or had not to be. */
  readonly unheard: string;
}

/** A value of D-Bus. Arrays and structures are arrays here; booleans, strings and numbers are what they are. */
export type DbusValue = string | number | bigint | boolean | DbusVariant | readonly DbusValue[];

/** A value with its type, as the specification of D-Bus writes it: "s", "t", "a(ss)". */
export interface DbusVariant {
  readonly type: string;
  readonly value: DbusValue;
}

export interface ManagerCall {
  readonly method: string;
  /** Of the arguments, one after the other. */
  readonly types: string;
  readonly args: readonly DbusValue[];
  readonly waitForJob: boolean;
  readonly timeoutMs: number;
}

export interface CompileSeccompRequest {
  readonly defaultAction: string;
  readonly defaultErrno: number;
  readonly architectures: readonly string[];
  readonly rules: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  /** The errno of SCMP_ACT_ERRNO, or the data of SCMP_ACT_TRACE. */
  readonly errno: number;
  readonly args: readonly { index: number; op: string; value: bigint; valueTwo: bigint }[];
}
