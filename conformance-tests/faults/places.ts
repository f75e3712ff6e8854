import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { repositoryDir } from "../support/environment";
import type { Point, Role } from "./control";

const nativeDir = join(repositoryDir, "build/native-faults");
const files: Readonly<Record<Role, string>> = {
  "host call": join(nativeDir, "tsoci.node"),
  driver: join(nativeDir, "tsoci.node"),
  init: join(nativeDir, "tsoci-init"),
};

/** Functions that say nothing about where a call stands: of the fault points, of the C++ library, and wrappers. */
const silent =
  /^(take_frames|describe|pass|__wrap_.*|operator\(\)|retry_eintr|from_errno|_FUN|call|\?\?|main|run|run_plan|run_step|_start_c?|CallbackWrapper|Wrapper|WrapCallback|callback_info.*|__invoke.*|~?unique_ptr|.*libc_start_main.*|carry_out)$/;

const names = new Map<string, readonly string[]>();

/** The functions that a call stands in, innermost first, a step of init by its own name. */
export function functionsOf({ role, frames }: Point): string[] {
  const file = files[role];
  const unknown = frames.filter((address) => !names.has(`${file} ${address}`));
  if (unknown.length > 0) learn(file, unknown);
  const all = frames.flatMap((address) => names.get(`${file} ${address}`) ?? []);
  const telling = all.filter((name) => name !== "" && !silent.test(name));
  return telling.filter((name, index) => name !== telling[index - 1]);
}

/** addr2line(1) prints, for each address, itself and a name and a line for each function inlined there. */
function learn(file: string, addresses: readonly string[]): void {
  const text = execFileSync("addr2line", ["-a", "-f", "-i", "-C", "-e", file, ...addresses], {
    encoding: "utf8",
  });
  for (const block of text.split(/^0x0*(?=[0-9a-f]+$)/m).filter(Boolean)) {
    const [address = "", ...lines] = block.trimEnd().split("\n");
    const functions = lines.filter((_, index) => index % 2 === 0).map(shortName);
    names.set(`${file} ${address}`, functions);
  }
}

/** Without namespaces, types and arguments; `carry_out` is called by the step that it carries out. */
function shortName(full: string): string {
  const step = /carry_out\(.*wire::(\w+) const&\)/.exec(full)?.[1];
  if (step !== undefined) return step;
  if (full.includes("{lambda")) return "operator()";
  const bare = full.replace(/\(anonymous namespace\)::/g, "").replace(/<[^()]*>/g, "");
  const head = bare.split("(")[0] ?? bare;
  return head.split(/::| /).at(-1) ?? head;
}

/** What a call is called in tables: the same each time, whatever a container, a process or a test run is called. */
export function placeOf(point: Point, scratch: string): string {
  const subject = tidySubject(point.subject, scratch);
  const about = subject === "" ? "" : ` "${subject}"`;
  const inside =
    point.role === "host call" ? "" : ` in ${functionsOf(point).slice(0, 4).join(" < ")}`;
  return `${point.role}: ${point.call}${about}${inside}`;
}

function tidySubject(subject: string, scratch: string): string {
  return subject
    .replaceAll(scratch, "SCRATCH")
    .replace(/\/t[0-9a-f]{12}(-\w{6})?(?=\/|$)/g, "/ID")
    .replace(/tsoci-test-\w+/g, "TESTS")
    .replace(/\/proc\/\d+/g, "/proc/PID")
    .replace(/\/sys\/fs\/cgroup\/[^/]+/g, "CGROUP");
}
