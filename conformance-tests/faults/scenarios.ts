import { readFileSync } from "node:fs";
import { type Container, type ContainerState, parseReport } from "../support/container";
import { pidsIn, unifiedDir } from "../support/host";
import type { Report } from "../support/report";
import { waitFor } from "../support/wait";
import type { Call, Ended, Scenario } from "./sweep";

/** What a container is made with, beside its bundle. */
export interface Making {
  readonly box: Container;
  readonly flags: readonly string[];
}

const must = (call: Call, args: readonly string[]): Ended => {
  const ended = call(args);
  if (ended.status !== 0) throw new Error(`${args.join(" ")}: ${ended.stderr}`);
  return ended;
};

const createArgs = ({ box, flags }: Making) => [
  "create",
  "--bundle",
  box.bundleDir,
  ...flags,
  box.id,
];

function statusOf(call: Call, { id }: Container): string {
  const { status, stdout, stderr } = call(["state", id]);
  if (status === 0) return (JSON.parse(stdout) as ContainerState).status;
  return stderr.includes("does not exist") ? "none" : `unknown (${stderr.trim()})`;
}

/** A complaint unless the container is in one of these states. */
function expectStatus(call: Call, box: Container, ...allowed: readonly string[]): string[] {
  const status = statusOf(call, box);
  return allowed.includes(status) ? [] : [`the status is ${status}, not ${allowed.join(" or ")}`];
}

/** What a program sees that does not change from one container to the next. */
function lasting({ pid, clocks, keyring, namespaces, mounts, args, ...report }: Report): string {
  const kept = mounts.map(({ root, target, options, type }) => [root, target, options, type]);
  const text = JSON.stringify({ ...report, fds: report.fds.map(({ fd }) => fd), mounts: kept });
  return text.replace(/\/dev\/pts\/\d+/g, "/dev/pts/N");
}

/** Looks at what the program of a created container sees, which is always the same. */
class Sight {
  #first: string | undefined;

  /** Starts the container, if it is not, and compares. */
  compare(call: Call, box: Container, out: string, isStarted: boolean): string[] {
    if (!isStarted) {
      const { status, stderr } = call(["start", box.id]);
      if (status !== 0) return [`it cannot be started: ${stderr}`];
    }
    const text = waitFor("the report", () => {
      const said = readFileSync(out, "utf8");
      return said.endsWith("\n") && said;
    });
    const seen = lasting(parseReport(text));
    this.#first ??= seen;
    return seen === this.#first ? [] : [`the program sees ${seen}, not ${this.#first}`];
  }
}

/** The processes of a container that runs; none when it has no cgroup any more. */
const processCount = (box: Container) => pidsIn(unifiedDir(box.cgroupPath)).length;

/** The container's own process is there, and no other. */
function expectAlone(box: Container): string[] {
  try {
    waitFor("the further process to end", () => processCount(box) === 1, 3_000);
    return [];
  } catch {
    return [`${processCount(box)} processes in the container`];
  }
}

/** `create` and `start` of a container whose program writes what it sees to `out`. */
export function makingScenarios(name: string, making: Making, out: string | undefined): Scenario[] {
  const { box } = making;
  const sight = new Sight();
  const compare = (call: Call, isStarted: boolean) =>
    out === undefined ? [] : sight.compare(call, box, out, isStarted);
  return [
    {
      name: `create${name}`,
      box,
      args: createArgs(making),
      failure: 1,
      leavesContainer: false,
      leavesNothing: true,
      prepare: () => {},
      afterFailure: (call) => expectStatus(call, box, "none"),
      afterSuccess: (call) => [...expectStatus(call, box, "created"), ...compare(call, false)],
    },
    {
      name: `start${name}`,
      box,
      args: ["start", box.id],
      failure: 1,
      leavesContainer: false,
      leavesNothing: false,
      prepare: (call) => must(call, createArgs(making)),
      // What fails after the execve takes nothing back, and a failed hook takes all back.
      afterFailure: (call) => expectStatus(call, box, "created", "running", "stopped", "none"),
      afterSuccess: (call) => [
        ...expectStatus(call, box, "running", "stopped"),
        ...compare(call, true),
      ],
    },
  ];
}

/** `delete` of a container that has ended, and of one that runs. */
export function endingScenarios(name: string, making: Making): Scenario[] {
  const { box } = making;
  const create = (call: Call) => must(call, createArgs(making));
  const outlook = {
    box,
    failure: 1,
    leavesContainer: false,
    leavesNothing: false,
    // Only when the directory itself could not be removed there is no record any more.
    afterFailure: (call: Call) => expectStatus(call, box, "created", "running", "stopped", "none"),
    afterSuccess: (call: Call) => expectStatus(call, box, "none"),
  };
  return [
    { ...outlook, name: `delete${name}`, args: ["delete", box.id], prepare: create },
    {
      ...outlook,
      name: `delete --force${name}`,
      args: ["delete", "--force", box.id],
      prepare: (call) => {
        create(call);
        must(call, ["start", box.id]);
      },
    },
  ];
}

/** What is asked of a container that runs, and goes on running whatever becomes of it. */
export function runningScenarios(name: string, making: Making): Scenario[] {
  const { box } = making;
  const outlook = {
    box,
    leavesContainer: true,
    leavesNothing: false,
    prepare: (call: Call) => {
      must(call, createArgs(making));
      must(call, ["start", box.id]);
    },
    afterFailure: (call: Call) => [...expectStatus(call, box, "running"), ...expectAlone(box)],
    afterSuccess: (call: Call) => [...expectStatus(call, box, "running"), ...expectAlone(box)],
  };
  const resources = ["--memory", "128M", "--pids-limit", "40", "--cpu-share", "256"];
  const operations: Record<string, { args: string[]; failure: number }> = {
    exec: { args: ["exec", box.id, "/probe", "--quiet"], failure: 255 },
    "exec --detach": { args: ["exec", "--detach", box.id, "/probe", "--quiet"], failure: 255 },
    kill: { args: ["kill", box.id, "WINCH"], failure: 1 },
    "kill --all": { args: ["kill", "--all", box.id, "WINCH"], failure: 1 },
    update: { args: ["update", ...resources, box.id], failure: 1 },
  };
  return Object.entries(operations).map(([operation, asked]) => ({
    ...outlook,
    ...asked,
    name: `${operation}${name}`,
  }));
}
