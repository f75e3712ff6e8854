import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { processOf, withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import { launchTool, runtimePath } from "../support/environment";
import { readProcFile } from "../support/host";
import { tried } from "../support/report";
import { expectExecRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

/** What only a driver holds. The probe itself holds files of the container's procfs. */
const hostly = /^fd .*(\/sys\/fs|tasks|eventpoll|tsoci-plan|state\.json)/;

/** What is no uid, or uid and gid, in decimal. */
const notUsers = [
  ...["", ":", "1:", ":1", "1:2:3", "01:1:1", "root", "1000x", " 5", "5 ", "5\n", "1,0"],
  ...["-1", "+1", "0x10", "1e3", "1.0", "4294967295", "4294967296", "1:4294967295"],
  ...["18446744073709551616", "18446744073709551617", "1:-1", "\u0661"],
] as const;

/** Files by which a runtime could be told apart from, or told of, a procfs. */
function fakeFiles(rootfsDir: string): string[] {
  return ["self", "thread-self", "1", "2"].flatMap((process) =>
    ["oom_score_adj", "attr/exec", "attr/apparmor/exec", "setgroups", "loginuid"].map((name) =>
      join(rootfsDir, "fake", process, name),
    ),
  );
}

rootSuite("exec: a container that is hostile", () => {
  const container = useContainers();

  /** Runs a container that looks into its other processes, for a file that only the host has. */
  function runSpy(box: Container): () => string[] {
    const shared = box.share("/shared");
    const secret = join(box.dir, "secret");
    writeFileSync(secret, "of the host");
    box.probe("--spy", secret, "/shared/found");
    box.do("run", ["--detach"]);
    const findings = join(shared, "found");
    waitFor("the spy", () => existsSync(findings));
    return () => readFileSync(findings, "utf8").split("\n").filter(Boolean);
  }

  shows(
    "CVE-2016-9962",
    "not even CAP_SYS_PTRACE gets a container's process to the host by way of a further one",
    () => {
      const box = container((config) => {
        const names = ["CAP_SYS_PTRACE"];
        processOf(config).capabilities = { bounding: names, permitted: names, effective: names };
      });
      const found = runSpy(box);
      const own = ["--user", "0"];

      for (let round = 0; round < 100 && !found().includes("init"); round += 1)
        box.exec(["/probe", "--quiet"], own);
      for (let round = 0; round < 40; round += 1) box.exec(["/probe", "--quiet"], own);

      // It has seen processes that were not ready yet, and so looked in time.
      expect(found()).toContain("init");
      expect(found()).not.toContain("host");
      expect(found()).not.toContain("write");
      const descriptors = found().filter((finding) => finding.startsWith("fd "));
      expect(descriptors.filter((finding) => hostly.test(finding))).toEqual([]);
    },
  );

  shows(
    "CVE-2016-9962",
    "the root of a user namespace cannot look into a process that is on its way in",
    () => {
      const box = container((config) => {
        withUserNamespace(config);
        const names = ["CAP_SYS_PTRACE"];
        processOf(config).capabilities = { bounding: names, permitted: names, effective: names };
      });
      const found = runSpy(box);

      for (let round = 0; round < 60; round += 1) box.exec(["/probe", "--quiet"]);

      expect(found()).not.toContain("host");
      expect(found()).not.toContain("write");
      expect(found().filter((finding) => hostly.test(finding))).toEqual([]);
    },
    ["user namespaces"],
  );

  shows("CVE-2019-5736", "root without CAP_SYS_PTRACE sees and changes no more of it", () => {
    const box = container();
    const found = runSpy(box);

    for (let round = 0; round < 40; round += 1) box.exec(["/probe", "--quiet"]);

    expect(found()).not.toContain("host");
    expect(found()).not.toContain("write");
    expect(found().filter((finding) => hostly.test(finding))).toEqual([]);
  });

  shows("CVE-2019-5736", "a program that is /proc/self/exe cannot change the runtime", () => {
    const box = container((_, { rootfsDir }) => {
      writeFileSync(join(rootfsDir, "entry"), "#!/proc/self/exe\n", { mode: 0o755 });
      symlinkSync("/proc/self/exe", join(rootfsDir, "link"));
    });
    box.runWaiting();
    const digest = () => createHash("sha256").update(readFileSync(runtimePath)).digest("hex");
    const before = digest();

    for (const program of ["/entry", "/proc/self/exe", "/link"])
      expect(box.attemptExec([program]).status).not.toBe(0);

    expect(digest()).toBe(before);
    expect(box.state().status).toBe("running");
  });

  shows("CVE-2024-21626", "a working directory outside of the container's root is refused", () => {
    const box = container();
    box.runWaiting();
    for (let fd = 3; fd < 32; fd += 1) {
      const outcome = box.attemptExec(["/probe"], ["--cwd", `/proc/self/fd/${fd}`]);

      // What is open there is the container's own, or is refused.
      if (outcome.status === 0) expect(JSON.parse(outcome.stdout).cwd).toBe("/");
      else expectExecRefusal(outcome, `/proc/self/fd/${fd}`);
    }
  });

  shows("CVE-2024-21626", "nor is one that the caller opened", () => {
    const box = container();
    box.runWaiting();
    const through = [launchTool, "--open", "7", "/", "--open", "0", "/", "--"];

    expectExecRefusal(
      box.attemptExec(["/probe"], ["--cwd", "/proc/self/fd/0"], { through }),
      "/proc/self/fd/",
    );
    expectExecRefusal(
      box.attemptExec(["/probe"], ["--cwd", "/proc/self/fd/7"], { through }),
      "/proc/self/fd/7",
    );
    expectExecRefusal(
      box.attemptExec(["/probe"], ["--cwd", "/proc/self/fd/7", "--preserve-fds", "5"], {
        fds: Array.from({ length: 5 }, () => openSync("/", "r")),
      }),
      "/proc/self/fd/",
    );
  });

  shows("CVE-2016-3697", "a user is a number, whatever the image's passwd says", () => {
    const box = container((_, { rootfsDir }) => {
      writeFileSync(join(rootfsDir, "etc/passwd"), "1000:x:0:0:root:/root:/bin/sh\n");
    });
    box.runWaiting();

    expect(box.seeExec(["--user", "1000"]).uids).toEqual([1000, 1000, 1000, 1000]);
  });

  shows("CVE-2026-30892", "what is no user is refused, and is not root", () => {
    const box = container();
    box.runWaiting();

    const taken = notUsers.filter(
      (user) => box.attemptExec(["/probe", "--quiet"], [`--user=${user}`]).status !== 255,
    );

    expect(taken).toEqual([]);
    expectExecRefusal(box.attemptExec(["/probe"], ["--user="]), '--user is ""');
  });

  shows("CVE-2022-27650", "a further process inherits no capability that it was not given", () => {
    const box = container();
    box.runWaiting();

    for (const flags of [[], ["--cap", "CAP_NET_ADMIN"], ["--user", "1000", "--cap", "CAP_CHOWN"]])
      expect(box.seeExec(flags).capabilities).toMatchObject({ inheritable: "0", ambient: "0" });
  });

  shows(
    "CVE-2015-1334",
    "a /proc that the container has covered gets none of what is written for it",
    () => {
      const box = container((config, { rootfsDir }) => {
        const names = ["CAP_SYS_ADMIN"];
        processOf(config).capabilities = { bounding: names, permitted: names, effective: names };
        config.root = { path: "rootfs" };
        for (const file of fakeFiles(rootfsDir)) {
          mkdirSync(dirname(file), { recursive: true });
          writeFileSync(file, "fake");
        }
      });
      box.addBusybox();
      const shared = box.share("/shared");
      const line = "mount -n --bind /fake /proc && : >/shared/ready && sleep 1000";
      processOf(box.config).args = ["/bin/sh", "-c", line];
      box.writeConfig();
      box.do("run", ["--detach"]);
      waitFor("the cover", () => existsSync(join(shared, "ready")));
      const pidFile = join(box.dir, "pid");
      const file = box.processFile({ args: ["/bin/sleep", "1000"], oomScoreAdj: 321 });

      box.exec([], ["--detach", "--pid-file", pidFile, "--process", file]);

      const pid = Number(readFileSync(pidFile, "utf8"));
      expect(readProcFile(pid, "oom_score_adj")).toBe("321\n");
      for (const fake of fakeFiles(box.rootfsDir)) expect(readFileSync(fake, "utf8")).toBe("fake");
    },
  );

  shows("security", "/dev/null of the host stays root's", () => {
    const box = container();
    box.runWaiting();
    const before = statSync("/dev/null");

    expect(box.seeExec(["--user", "1000"]).uids[0]).toBe(1000);

    const after = statSync("/dev/null");
    expect([after.uid, after.gid, after.mode]).toEqual([before.uid, before.gid, before.mode]);
  });

  shows("CVE-2021-21334", "nothing of the caller's environment is the process's", () => {
    const box = container();
    box.runWaiting();

    const seen = box.seeExec([], ["--read", "/proc/self/environ"]);

    expect(tried(seen, "read", "/proc/self/environ").content).not.toMatch(/TSOCI_TEST|\/usr\/sbin/);
  });
});
