// Bundles as containerd makes them for a shim.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFifos } from "./fifos.mjs";

const namespaces = ["pid", "network", "ipc", "uts", "mount"];

/** A config.json that every runtime takes: `args` in namespaces of its own, in the cgroup of that path. */
export function simpleConfig(args, cgroupsPath) {
  return {
    ociVersion: "1.0.2",
    process: processOf(args),
    root: { path: "rootfs", readonly: true },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
    ],
    linux: { cgroupsPath, namespaces: namespaces.map((type) => ({ type })) },
  };
}

export const processOf = (args) => ({
  user: { uid: 0, gid: 0 },
  args,
  env: ["PATH=/bin"],
  cwd: "/",
  noNewPrivileges: true,
});

/** Directories below `dir` for all of them, by `{ id, config, group }`; `group` shares a shim when it is there. */
export function makeBundles(dir, wanted) {
  const bundles = wanted.map(({ id, config, group }) => {
    const bundleDir = join(dir, id);
    mkdirSync(join(bundleDir, "rootfs"), { recursive: true });
    const annotations = group === undefined ? {} : { "io.containerd.runc.v2.group": group };
    const text = JSON.stringify({
      ...config,
      annotations: { ...config.annotations, ...annotations },
    });
    writeFileSync(join(bundleDir, "config.json"), text);
    return { id, dir: bundleDir };
  });
  makeFifos(bundles.map((bundle) => join(bundle.dir, "log")));
  return bundles;
}
