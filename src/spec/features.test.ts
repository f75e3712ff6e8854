import { validateFeatures } from "../generated/validate-features";
import { features, ociVersionMax, ociVersionMin } from "./features";
import { parseConfig } from "./parse-config";

const built = features({ version: "0.1.0", commit: "abc", libseccompVersion: "2.5.4" });

test("it is a valid features document", () => {
  expect(validateFeatures(built) ? [] : validateFeatures.errors).toEqual([]);
});

test("both of its versions are accepted in a config", () => {
  for (const ociVersion of [ociVersionMin, ociVersionMax]) {
    const config = { ociVersion, root: { path: "rootfs" } };
    expect(parseConfig(new TextEncoder().encode(JSON.stringify(config))).ok).toBe(true);
  }
});

test("every controller whose limits are applied is claimed", () => {
  expect(built.linux?.cgroup).toEqual({
    v1: true,
    v2: true,
    systemd: true,
    systemdUser: true,
    rdma: true,
  });
});

test("security modules and resctrl are claimed, whether or not this machine has them", () => {
  expect(built.linux?.apparmor).toEqual({ enabled: true });
  expect(built.linux?.selinux).toEqual({ enabled: true });
  expect(built.linux?.intelRdt).toEqual({ enabled: true, schemata: true, monitoring: true });
});

test("architectures follow the libseccomp that is linked in", () => {
  expect(built.linux?.seccomp?.archs).not.toContain("SCMP_ARCH_LOONGARCH64");
  expect(built.linux?.seccomp?.archs).toHaveLength(19);
  const newer = features({ version: "0.1.0", libseccompVersion: "2.6.0" });
  expect(newer.linux?.seccomp?.archs).toHaveLength(23);
});

test("time namespaces and recursive options are listed", () => {
  expect(built.linux?.namespaces).toEqual([
    "cgroup",
    "ipc",
    "mount",
    "network",
    "pid",
    "time",
    "user",
    "uts",
  ]);
  expect(built.mountOptions).toEqual(
    expect.arrayContaining(["rro", "idmap", "ridmap", "tmpcopyup", "copy-symlink"]),
  );
  expect(built.linux?.capabilities).toHaveLength(41);
});
