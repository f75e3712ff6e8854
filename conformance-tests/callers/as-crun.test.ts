import { readFileSync } from "node:fs";
import { processOf } from "../support/config";
import { cgroupDirs } from "../support/host";
import { callRuntime, expectRefusal } from "../support/runtime";
import { allowBut } from "../support/seccomp";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("what podman and cri-o ask of crun", () => {
  const container = useContainers();

  shows("peers", "--cgroup-manager disabled leaves a container in its caller's cgroup", () => {
    const box = container((config) => {
      delete config.linux.resources;
    });
    box.probe("--wait");

    box.do("run", ["--detach"], { globals: ["--cgroup-manager=disabled"] });

    const { pid } = box.state();
    expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toBe(
      readFileSync("/proc/self/cgroup", "utf8"),
    );
    expect(cgroupDirs(box.cgroupPath)).toEqual([]);
  });

  shows("peers", "kill and delete take a regular expression", () => {
    const box = container();
    box.do("create");
    const call = (...args: string[]) => callRuntime(["--root", box.stateRoot, ...args]);
    const pattern = `^${box.id.slice(0, 6)}`;

    expect(call("kill", "--regex", "^nobody", "KILL")).toMatchObject({ status: 0, stderr: "" });
    expect(box.state().status).toBe("created");
    expect(call("kill", "--regex", pattern, "KILL").status).toBe(0);
    box.waitUntilStopped();
    expect(call("delete", "-r", pattern).status).toBe(0);

    expect(box.leftovers()).toEqual([]);
  });

  shows("peers", "run.oci.keep_original_groups keeps the caller's groups", () => {
    const groups = ["4242", "4243"];
    const box = container((config) => {
      processOf(config).user = { uid: 1000, gid: 1000 };
      config.annotations = { "run.oci.keep_original_groups": "1" };
    });

    const seen = box.see([], { through: ["setpriv", `--groups=${groups.join(",")}`] });

    expect(seen.groups).toEqual(expect.arrayContaining(groups.map(Number)));
  });

  shows("peers", "run.oci.seccomp_fail_unknown_syscall refuses a name that nobody knows", () => {
    const box = container((config) => {
      allowBut(config, { names: ["no_such_call"], action: "SCMP_ACT_ERRNO" });
    });
    box.do("run");

    box.config.annotations = { "run.oci.seccomp_fail_unknown_syscall": "1" };
    box.writeConfig();

    expectRefusal(box.attempt("run"), '"no_such_call"');
  });

  for (const name of ["handler", "seccomp_bpf_data", "seccomp.plugins"]) {
    shows("peers", `the annotation run.oci.${name} is refused`, () => {
      const box = container((config) => {
        config.annotations = { [`run.oci.${name}`]: "x" };
      });

      expectRefusal(box.attempt("create"), `run.oci.${name}`);
      expect(box.leftovers()).toEqual([]);
    });
  }
});
