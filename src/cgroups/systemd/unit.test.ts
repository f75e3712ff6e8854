import { pathOfUnit, unitOf } from "./unit";

const unit = (cgroupsPath?: string) => unitOf(cgroupsPath, "web", { defaultSlice: "system.slice" });

describe("a cgroupsPath for systemd", () => {
  test.each([
    [undefined, "tsoci-web.scope", "/system.slice/tsoci-web.scope"],
    ["", "tsoci-web.scope", "/system.slice/tsoci-web.scope"],
    [":runc:1", "runc-1.scope", "/system.slice/runc-1.scope"],
    ["machine.slice:libpod:1", "libpod-1.scope", "/machine.slice/libpod-1.scope"],
    ["user.slice::1", "1.scope", "/user.slice/1.scope"],
    [
      "kubepods-burstable-pod1.slice:cri:1",
      "cri-1.scope",
      "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-1.scope",
    ],
    ["-.slice:a:b", "a-b.scope", "/a-b.scope"],
    ["system.slice:x:a-b.slice", "a-b.slice", "/a.slice/a-b.slice"],
    [":cpu.x:1", "cpu.x-1.scope", "/system.slice/_cpu.x-1.scope"],
  ])("%j is the unit %s in %s", (text, name, path) => {
    expect(unit(text).name).toBe(name);
    expect(pathOfUnit(unit(text))).toBe(path);
  });

  test.each(["/a/b", "a", "a.slice:b", "a.slice:b:c:d", "a.slice:b:/c"])(
    "%j is refused",
    (text) => {
      expect(() => unit(text)).toThrow(
        `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "${text}" instead`,
      );
    },
  );

  test.each([
    ["a--b.slice:x:y", 'names the slice "a--b.slice"'],
    ["-a.slice:x:y", 'names the slice "-a.slice"'],
    ["a:x:y", 'names the slice "a"'],
    [".slice:x:y", 'names the slice ".slice"'],
    ["a.slice:x:y z", 'names the unit "x-y z.scope"'],
    [`a.slice:x:${"y".repeat(255)}`, "at most 255"],
  ])("%j is refused with the part that is wrong", (text, message) => {
    expect(() => unit(text)).toThrow(message);
  });
});
