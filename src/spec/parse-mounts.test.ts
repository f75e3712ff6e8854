import { findNotAddable, parseMounts } from "./parse-mounts";

const issuesOf = (text: string) => {
  const parsed = parseMounts(text);
  if (parsed.ok) throw new Error("it was accepted");
  return parsed.issues.map(({ pointer, line, column }) => `${line}:${column} ${pointer}`);
};

describe("mounts alone", () => {
  test("are read as a config has them", () => {
    const mount = { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["ro"] };

    expect(parseMounts(JSON.stringify([mount]))).toMatchObject({ ok: true, mounts: [mount] });
  });

  test("are refused with the pointer and the place in their own text", () => {
    expect(issuesOf('[\n  {"destination": 7},\n  {"destination": "/a"}\n]')).toEqual([
      "2:3 /0",
      "2:19 /0/destination",
      "3:3 /1",
    ]);
    expect(issuesOf('[{"destination": "/proc/sys", "type": "tmpfs"}]')).toEqual([
      expect.stringMatching(/^1:\d+ \/0\/destination$/),
    ]);
  });

  test("may not be anything but one JSON list, of a length that init can hold", () => {
    expect(issuesOf("null")).toEqual(["1:1 "]);
    expect(issuesOf("{}")).toEqual(["1:1 "]);
    expect(issuesOf("[")).toHaveLength(1);
    expect(issuesOf('[], "annotations": {"a": "b"}')).toEqual(["1:3 "]);
    expect(issuesOf('[], "Root": 1')).toEqual(["1:3 "]);
    const many = Array.from({ length: 65 }, () => ({ destination: "/a", type: "tmpfs" }));
    expect(issuesOf(JSON.stringify(many))).toEqual(["1:1 "]);
  });
});

describe("into a container that lives", () => {
  const refusalOf = (mount: object, mapsIds = true) =>
    findNotAddable(
      [
        { destination: "/ok", type: "tmpfs" },
        { destination: "/a", ...mount },
      ],
      {
        mapsIds,
      },
    );

  test.each([
    ["remount", { options: ["remount", "ro"] }],
    ["copy-symlink", { source: "/a", options: ["bind", "copy-symlink"] }],
    ["cgroup", { type: "cgroup" }],
    ["proc", { type: "proc" }],
    ["root", { type: "tmpfs", destination: "/./" }],
  ])("comes no %s", (word, mount) => {
    expect(refusalOf(mount)).toEqual({ pointer: "/1", problem: expect.stringContaining(word) });
  });

  test("come bind mounts and file systems, id-mapped where there are mappings", () => {
    const idmapped = { source: "/a", options: ["bind", "idmap"] };
    const uidMappings = [{ containerID: 0, hostID: 1, size: 1 }];

    expect(refusalOf({ type: "proc", source: "/a", options: ["bind"] })).toBeUndefined();
    expect(refusalOf(idmapped)).toBeUndefined();
    expect(refusalOf({ ...idmapped, uidMappings }, false)).toBeUndefined();
    expect(refusalOf(idmapped, false)).toMatchObject({ pointer: "/1" });
  });
});
