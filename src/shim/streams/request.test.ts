import { readOutput } from "./request";

const request = (stdout: string, stderr = "") => ({ stdin: "", stdout, stderr, terminal: false });

test("paths are paths", () => {
  expect(readOutput(request("/f/1-stdout", "/f/1-stderr"))).toEqual({
    kind: "paths",
    stdout: "/f/1-stdout",
    stderr: "/f/1-stderr",
  });
});

test("nothing leads nowhere", () => {
  expect(readOutput(request(""))).toEqual({ kind: "paths", stdout: "", stderr: "" });
});

test("a fifo may be named by a URI", () => {
  expect(readOutput(request("fifo:///f/out", "fifo:///f/err"))).toEqual({
    kind: "paths",
    stdout: "/f/out",
    stderr: "/f/err",
  });
});

test("a file gets both outputs", () => {
  expect(readOutput(request("file:///var/log/a%20b.log", "/ignored"))).toEqual({
    kind: "file",
    path: "/var/log/a b.log",
  });
});

test.each([
  ["binary:///bin/log", []],
  ["binary:///bin/log?id=7&quiet", ["id", "7", "quiet"]],
  ["binary:///bin/log?id=7&id=8", ["id", "7"]],
  ["binary:///bin/log?path=%2Fvar%2Flog", ["path", "/var/log"]],
])("the arguments of %s", (uri, args) => {
  expect(readOutput(request(uri))).toEqual({ kind: "logger", path: "/bin/log", args });
});

test.each(["npipe://./pipe/x", "http://host/log", "://", "file:///a%zz", "binary:///%"])(
  "%s is refused",
  (uri) => {
    expect(() => readOutput(request(uri))).toThrow(
      `stdout is ${JSON.stringify(uri)}, expected a path`,
    );
  },
);
