import { createHash } from "node:crypto";
import { existsSync, openSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf, withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import { launchTool, runtimePath } from "../support/environment";
import { tried } from "../support/report";
import { expectExecRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

/** What only a driver holds. The probe itself holds files of the container's procfs. */
const hostly = /^fd .*(\/sys\/fs|tasks|eventpoll|tsoci-plan|state\.json)/;

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
      expect(found().filter((finding) => hostly.test(finding))).toEqual([]);
    },
    ["user namespaces"],
  );

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
    for (const user of [
      "root",
      "1000x",
      "-1",
      "4294967295",
      "1e3",
      "0x10",
      " 5",
      "1:",
      ":1",
      "1:2:3",
    ])
      expectExecRefusal(box.attemptExec(["/probe"], ["--user", user]));
  });

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
