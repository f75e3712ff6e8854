import { MS_PRIVATE, MS_RDONLY, MS_REC } from "../spec/kernel-constants";
import { fitData, lowerDirsOf, parseRootfsOptions } from "./rootfs-options";

const refusalOf = (options: readonly string[]) => {
  try {
    parseRootfsOptions(options);
  } catch (error) {
    return error;
  }
  return undefined;
};

test("what is no option of every mount is left to the file system", () => {
  const { common } = parseRootfsOptions(["ro", "rprivate", "upperdir=/u", "index=off"]);

  expect(common.sbFlagsSet).toBe(MS_RDONLY);
  expect(common.propagation).toEqual([MS_PRIVATE | MS_REC]);
  expect(common.data).toEqual(["upperdir=/u", "index=off"]);
});

test("id maps become lines of /proc/PID/uid_map", () => {
  const options = ["uidmap=0:100000:65536,65536:0:1", "gidmap=0:200000:65536"];

  expect(parseRootfsOptions(options).idMaps).toEqual({
    uidMap: "0 100000 65536\n65536 0 1\n",
    gidMap: "0 200000 65536\n",
  });
});

test("direct-io is an option of the loop device, and without one the file system's", () => {
  expect(parseRootfsOptions(["loop", "direct-io"])).toMatchObject({ loop: true, directIo: true });
  expect(parseRootfsOptions(["direct-io"]).common.data).toEqual(["direct-io"]);
});

for (const [options, message] of [
  [["uidmap=0:0:1"], 'option "uidmap" is alone, expected both'],
  [["uidmap=0:0", "gidmap=0:0:1"], 'option "uidmap" has "0:0", expected ID:ID:COUNT'],
  [["remount", "ro"], 'option "remount" is none of a rootfs'],
  [["ridmap"], 'option "idmap or ridmap" is none of a rootfs'],
  [
    ["X-containerd.mkdir.path=/x"],
    `option "X-containerd.mkdir.path=/x" is for containerd's mount manager, which left it in`,
  ],
] as const) {
  test(`${options} are refused`, () => {
    expect(refusalOf(options)).toMatchObject({ code: "USAGE", message });
  });
}

test("layers are what overlay will open", () => {
  expect(lowerDirsOf(["index=off", "lowerdir=/a:/b\\:c::/d"])).toEqual(["/a", "/b:c", "/d"]);
});

const layers = (count: number, nameOf: (index: number) => string) =>
  `lowerdir=${Array.from({ length: count }, (_, index) => nameOf(index)).join(":")}`;

test("data that fits in a page stays as it is", () => {
  const data = ["upperdir=/u", layers(3, (index) => `/layers/${index}/fs`)];

  expect(fitData("overlay", data)).toEqual({ data: data.join(","), workingDir: "" });
});

test("layers that take more than a page are named from the directory they share", () => {
  const parent = "/var/lib/containerd/snapshots";
  const long = layers(200, (index) => `${parent}/1${index}/fs`);

  expect(fitData("overlay", ["upperdir=/u", long, "index=off"])).toEqual({
    data: `upperdir=/u,${layers(200, (index) => `1${index}/fs`)},index=off`,
    workingDir: `${parent}/`,
  });
});

test("a layer that is itself above another keeps its name", () => {
  const below = Array.from({ length: 300 }, (_, index) => `deep/${index}`);
  const long = layers(301, (index) => `/layers/${["deep", ...below][index]}`);

  expect(fitData("overlay", [long])).toEqual({
    data: `lowerdir=deep:${below.join(":")}`,
    workingDir: "/layers/",
  });
});

test("layers that have nothing but the root in common keep their names", () => {
  const others = Array.from({ length: 200 }, (_, index) => `/layers/${"n".repeat(20)}${index}`);

  expect(() => fitData("overlay", [`lowerdir=${["/", ...others].join(":")}`])).toThrow(
    /take \d+ bytes, expected at most 4095/,
  );
});

test("what is too long even so is refused", () => {
  const long = layers(100, (index) => `/layers/${"n".repeat(60)}${index}`);

  expect(() => fitData("overlay", [long])).toThrow(/take \d+ bytes, expected at most 4095/);
  expect(() => fitData("ext4", [long])).toThrow(/take \d+ bytes, expected at most 4095/);
});
