import type { Step } from "../generated/plan";
import { type RequestName, requests } from "../generated/plan";

type Phrases = Readonly<
  Partial<Record<Step["op"], (fields: Readonly<Record<string, unknown>>) => string>>
>;

/** Which fields of a step say best what it is about. A step that is not here is named by its `op` alone. */
const subjects: Phrases = {
  ask: ({ request }) => phrases[requestName(Number(request))],
  joinCgroup: () => "join the cgroup",
  joinNamespace: ({ path }) => `join the namespace ${quote(path)}`,
  unshareNamespaces: ({ flags }) => `unshare namespaces (0x${Number(flags).toString(16)})`,
  newKeyring: ({ name }) => `join session keyring ${quote(name)}`,
  attachRootfs: ({ path }) => `attach rootfs ${quote(path)}`,
  changeRoot: ({ path }) => `change root to ${quote(path)}`,
  mountFilesystem: ({ type, target }) => `mount ${type} on ${quote(target)}`,
  bindMount: ({ source, target }) => `bind ${quote(source)} on ${quote(target)}`,
  unmount: ({ target, checkOnly }) =>
    checkOnly === 1 ? `look for a mount on ${quote(target)}` : `unmount ${quote(target)}`,
  remount: ({ target }) => `remount ${quote(target)}`,
  makeSymlink: ({ path, target }) => `link ${quote(path)} to ${quote(target)}`,
  makeDirectory: ({ path }) => `make directory ${quote(path)}`,
  makeDevice: ({ path }) => `make device ${quote(path)}`,
  bindDevice: ({ path }) => `bind device ${quote(path)}`,
  runHook: ({ kind, index }) => `${kind} hook #${index}`,
  setHostname: ({ name }) => `set hostname ${quote(name)}`,
  setDomainname: ({ name }) => `set domainname ${quote(name)}`,
  writeProcfs: ({ path, value }) => `write ${quote(value)} to ${quote(`/proc/${path}`)}`,
  setExecLabel: ({ module, value }) => `label the program for ${module}: ${quote(value)}`,
  makePathReadOnly: ({ path }) => `make ${quote(path)} read-only`,
  maskPath: ({ path }) => `mask ${quote(path)}`,
  setUmask: ({ mask }) => `set umask 0${Number(mask).toString(8)}`,
  changeDirectory: ({ path, final }) =>
    final === 0 ? `enter ${quote(path)}` : `check ${quote(path)}`,
  becomeUser: ({ uid, gid }) => `become uid ${uid}, gid ${gid}`,
  loadSeccomp: ({ program }) =>
    `load seccomp filter of ${(program as Uint8Array).length / 8} instructions`,
  setLimit: ({ name, soft, hard }) => `limit ${name} to ${soft}, at most ${hard}`,
  findProgram: ({ args }) => `find the program ${quote((args as readonly string[])[0])}`,
  execute: () => "execute the program",
  end: () => "end",
};

/** Where callers of runc look for its own words, a failed step has those. */
const failures: Phrases = {
  mountFilesystem: ({ type, target }) =>
    `error mounting ${quote(type)} to rootfs at ${quote(target)}`,
  bindMount: ({ source, target }) =>
    `error mounting ${quote(source)} to rootfs at ${quote(target)}`,
  setExecLabel: ({ module }) =>
    module === "apparmor" ? "unable to apply apparmor profile" : "can't set process label",
  setMemoryPolicy: () => "invalid memory policy",
  setLimit: ({ name }) => `error setting ${name}`,
};

const phrases: Readonly<Record<RequestName, string>> = {
  adjustOomScore: "set oom_score_adj",
  mapIds: "map user and group ids",
  setTimeOffsets: "set the clocks' offsets",
  moveNetDevices: "move network interfaces",
  runHostHooks: "run prestart and createRuntime hooks",
  openMountSource: "open the source of a bind mount",
  takeConsole: "hand over the terminal",
  connectListener: "connect to the seccomp agent",
  sendListener: "send the seccomp listener to its agent",
};

const quote = (value: unknown) => JSON.stringify(value);

export function requestName(number: number): RequestName {
  const found = (Object.keys(requests) as RequestName[]).find((name) => requests[name] === number);
  if (found === undefined) throw new RangeError(`no request has the number ${number}`);
  return found;
}

/** What a step does, in a few words: for `explain` and `--trace`. */
export function describeStep(step: Step): string {
  const subject = subjects[step.op];
  if (subject !== undefined) return subject({ ...step });
  return step.op.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** What a step did when it failed or warned, in front of the reason. */
export function describeFailure(step: Step): string {
  return failures[step.op]?.({ ...step }) ?? describeStep(step);
}
