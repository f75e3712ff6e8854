import type { ContainerState } from "../state/oci-state";
import {
  formatFeatures,
  formatListJson,
  formatListQuiet,
  formatListTable,
  formatState,
  formatVersion,
} from "./output";

const web: ContainerState = {
  owner: "root",
  created: "2026-01-02T03:04:05.678901234Z",
  rootfs: "/b/rootfs",
  bundle: "/b",
  status: "running",
  pid: 17,
  id: "web",
  ociVersion: "1.3.0",
};
const long: ContainerState = {
  ...web,
  id: "a-rather-long-name",
  pid: 0,
  status: "stopped",
  owner: "",
};

test("state is indented, in runc's order, without an end of line", () => {
  expect(formatState({ ...web, annotations: { k: "v" } })).toBe(
    `{
  "ociVersion": "1.3.0",
  "id": "web",
  "pid": 17,
  "status": "running",
  "bundle": "/b",
  "rootfs": "/b/rootfs",
  "created": "2026-01-02T03:04:05.678901234Z",
  "annotations": {
    "k": "v"
  },
  "owner": "root"
}`,
  );
});

test("no annotations are no property", () => {
  expect(JSON.parse(formatState({ ...web, annotations: {} }))).not.toHaveProperty("annotations");
});

test("the list's columns are as wide as their widest cell and three, and twelve at least", () => {
  expect(formatListTable([web, long])).toBe(
    [
      "ID                   PID         STATUS      BUNDLE      CREATED                          OWNER",
      "web                  17          running     /b          2026-01-02T03:04:05.678901234Z   root",
      "a-rather-long-name   0           stopped     /b          2026-01-02T03:04:05.678901234Z   ",
      "",
    ].join("\n"),
  );
});

test("an empty list is runc's, to the byte", () => {
  expect(formatListTable([])).toBe(
    "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n",
  );
  expect(formatListJson([])).toBe("null\n");
  expect(formatListQuiet([])).toBe("");
});

test("the JSON list is one line of states in order", () => {
  expect(formatListJson([web])).toBe(
    '[{"ociVersion":"1.3.0","id":"web","pid":17,"status":"running","bundle":"/b","rootfs":"/b/rootfs",' +
      '"created":"2026-01-02T03:04:05.678901234Z","owner":"root"}]\n',
  );
});

test("the quiet list is ids", () => {
  expect(formatListQuiet([web, long])).toBe("web\na-rather-long-name\n");
});

test("the version names what the build knows, and nothing that it does not", () => {
  expect(formatVersion("tsoci", { version: "1.2.3" })).toBe("tsoci version 1.2.3\nspec: 1.3.0\n");
  expect(
    formatVersion("runc", { version: "1.2.3", commit: "abc", libseccompVersion: "2.5.4" }),
  ).toBe("runc version 1.2.3\ncommit: abc\nspec: 1.3.0\nlibseccomp: 2.5.4\n");
});

test("features are indented by four", () => {
  expect(formatFeatures({ hooks: ["prestart"] })).toBe(
    '{\n    "hooks": [\n        "prestart"\n    ]\n}\n',
  );
});
