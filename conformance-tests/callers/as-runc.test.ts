import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import { runtimePath } from "../support/environment";
import type { CallOptions } from "../support/runtime";
import { allowBut } from "../support/seccomp";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** Calls of the runtime under test by the name of runc. */
function byNameOfRunc(box: Container): CallOptions {
  const dir = join(box.dir, "names");
  mkdirSync(dir, { recursive: true });
  const runtime = join(dir, "runc");
  if (!existsSync(runtime)) symlinkSync(runtimePath, runtime);
  return { runtime };
}

const linesOf = (text: string) => text.trimEnd().split("\n");

rootSuite("called as runc", () => {
  const container = useContainers();

  shows("peers", "a script without its interpreter is one exact line", () => {
    const box = container();
    writeFileSync(join(box.rootfsDir, "run.sh"), "#!/nowhere/sh\n");
    chmodSync(join(box.rootfsDir, "run.sh"), 0o755);
    box.config.process = { cwd: "/", user: { uid: 0, gid: 0 }, args: ["/run.sh"] };
    box.writeConfig();

    const { status, stderr } = box.attempt("run", [], byNameOfRunc(box));

    expect(status).toBe(1);
    expect(stderr).toBe("exec /run.sh: no such file or directory\n");
  });

  shows("peers", "a failure of init is told in runc's words", () => {
    const box = container((config) => {
      config.mounts.push({ destination: "/tmp", type: "tmpfs", options: ["size=junk"] });
    });

    const { stderr } = box.attempt("run", [], byNameOfRunc(box));

    expect(stderr).toContain(
      'level=error msg="runc run failed: unable to start container process: error during container init: error mounting ',
    );
    expect(linesOf(stderr)).toHaveLength(1);
  });

  shows("peers", "--debug says where a start is, in the log's file and not beside it", () => {
    const box = container();
    const log = join(box.dir, "log");
    const call = (...globals: string[]) =>
      box.attempt("run", [], { ...byNameOfRunc(box), globals });

    const beside = call("--debug").stderr;
    const quiet = call("--debug", "--log", log).stderr;

    for (const text of [beside, readFileSync(log, "utf8")]) {
      for (const words of [
        "level=debug",
        "nsexec container setup",
        "child process in init()",
        "init: closing the pipe to signal completion",
        "runc exeseal: using /proc/self/exe clone",
      ]) {
        expect(text).toContain(words);
      }
    }
    expect(quiet).toBe("");
  });

  shows("config-linux.md#seccomp", "--debug tells the flags of the filter", () => {
    const box = container();
    const flagsOf = (flags: string[] | undefined) => {
      allowBut(box.config, { names: ["getcwd"], action: "SCMP_ACT_ERRNO" }).flags = flags;
      box.writeConfig();
      const { stderr } = box.attempt("run", [], { ...byNameOfRunc(box), globals: ["--debug"] });
      return /"seccomp filter flags: (\d+)"/.exec(stderr)?.[1];
    };

    expect(flagsOf(undefined)).toBe("4");
    expect(flagsOf([])).toBe("0");
    expect(flagsOf(["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"])).toBe("2");
  });
});
