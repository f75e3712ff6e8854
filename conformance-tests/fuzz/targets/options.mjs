// Small languages of others that stand in strings: options of mounts, addresses of streams, values of units, sizes.
import { load, mayRefuse } from "../driver.mjs";

const { parseMountOptions, mountOptionNames } = load("spec/mount-options");
const { parseNumberList } = load("spec/number-list");
const { parseRootfsOptions, fitData, lowerDirsOf } = load("shim/rootfs-options");
const { readOutput } = load("shim/streams/request");
const { readTomlOptions } = load("shim/toml-options");
const { propertiesOfAnnotations } = load("cgroups/systemd/annotations");
const { parseDeviceDrivers } = load("cgroups/systemd/devices");
const { unitOf, pathOfUnit } = load("cgroups/systemd/unit");
const { parseDurationMs } = load("cli/duration");
const { parseSize } = load("cli/resource-flags");
const { findMismatch, schemataWrites } = load("resctrl/schemata");
const { cleanPath, resolveFrom } = load("spec/paths");
const { assertContainerId } = load("state/container-id");

const afterColon = (text) => [
  text.slice(0, text.indexOf(":") + 1),
  text.slice(text.indexOf(":") + 1),
];

function showPath(text) {
  const clean = cleanPath(`/${text}`);
  if (cleanPath(clean) !== clean) throw new Error(`${clean} is not clean yet`);
  const isAbsolute = clean.startsWith("/") && !/(^|\/)\.\.?(\/|$)/.test(clean);
  if (!isAbsolute || clean.includes("//")) throw new Error(`${JSON.stringify(clean)} is not clean`);
  resolveFrom("/base", text);
}

/** The first byte says which one the rest is. */
const languages = [
  (text) => parseMountOptions(text.split(",")),
  (text) => parseRootfsOptions(text.split(",")),
  (text) => fitData("overlay", text.split(",")),
  (text) => lowerDirsOf(text.split(",")),
  (text) => readOutput({ stdin: "", stdout: text, stderr: text, terminal: false }),
  (text) => readTomlOptions(text),
  (text) => propertiesOfAnnotations({ "org.systemd.property.TimeoutStopSec": text }),
  (text) => propertiesOfAnnotations({ [`org.systemd.property.${text}`]: "'x'" }),
  (text) => parseDeviceDrivers(text),
  (text) => pathOfUnit(unitOf(text, "web", { defaultSlice: "system.slice" })),
  (text) => [parseDurationMs(text), parseSize(text), parseNumberList(text, 1024)],
  (text) =>
    findMismatch(schemataWrites({ schemata: afterColon(text) }), text, { bandwidthStep: 10 }),
  showPath,
  (text) => assertContainerId(text),
];

function check(bytes) {
  if (bytes.length === 0) return;
  mayRefuse(() => languages[bytes[0] % languages.length](bytes.subarray(1).toString()));
}

export const target = {
  check,
  words: [
    ...mountOptionNames(),
    ...[
      "fifo://",
      "file://",
      "binary://",
      "%",
      "%zz",
      "%2e",
      "?a=b",
      "&",
      "://",
      "[",
      "]",
      "(",
      ")",
      "@as []",
    ],
    ...[
      "uint64 1",
      "int32 -1",
      "1e400",
      "0x",
      "'",
      '"',
      "\\",
      "..",
      "/",
      "uidmap=",
      "0:0:1",
      "X-containerd.",
      "lowerdir=",
    ],
    ...[
      "loop",
      "direct-io",
      "Root = '/a'",
      "[a.b]",
      "a.slice",
      ":",
      "-",
      "L3:0=ff",
      "MB:0=10",
      "1.5g",
      "10ms",
      "0-3,7",
    ],
  ],
  seeds: () =>
    [
      "ro,nosuid,size=1m",
      "uidmap=0:1:2,gidmap=0:1:2",
      "lowerdir=/a:/b,upperdir=/c",
      "lowerdir=/a\\:b:/c",
    ]
      .concat([
        "binary:///bin/log?a=b",
        "Root = '/run'\n",
        "uint64 90",
        "CPUWeight",
        "Block devices:\n 8 sd\n",
      ])
      .concat(["a.slice:p:n", "1.5g", "L3:0=ff;1=f", "/a/../b//", "web"])
      .map((text, index) => Buffer.concat([Buffer.of(index), Buffer.from(text)])),
};
