import { readShimArguments } from "./arguments";

const fromContainerd = [
  ...["-namespace", "k8s.io", "-address", "/run/containerd/containerd.sock"],
  ...["-publish-binary", "/usr/bin/containerd", "-id", "web"],
];

test("the command line that containerd writes is read", () => {
  expect(readShimArguments([...fromContainerd, "-debug", "start"])).toEqual({
    action: "start",
    id: "web",
    namespace: "k8s.io",
    grpcAddress: "/run/containerd/containerd.sock",
    publishBinary: "/usr/bin/containerd",
    bundleDir: undefined,
    socketPath: undefined,
    debug: true,
  });
});

test("delete says which bundle", () => {
  const args = readShimArguments([...fromContainerd, "-bundle", "/b", "delete"]);

  expect(args).toMatchObject({ action: "delete", bundleDir: "/b" });
});

test("without a word it serves", () => {
  expect(readShimArguments([...fromContainerd, "-socket", "/s"])).toMatchObject({
    action: "serve",
    socketPath: "/s",
  });
});

test.each([
  ["-v", "version"],
  ["-info", "info"],
])("%s needs no container", (flag, action) => {
  expect(readShimArguments([flag]).action).toBe(action);
});

test.each([
  [["-id", "web", "start"], "flag needs to be given: -namespace"],
  [["-namespace", "n", "start"], "flag needs to be given: -id"],
  [[...fromContainerd, "stop"], 'what to do is "stop", expected "start" or "delete"'],
  [[...fromContainerd, "start", "now"], 'there is "now" after what to do'],
  [[...fromContainerd, "-verbose"], "flag provided but not defined: -verbose"],
])("%j is refused", (args, message) => {
  expect(() => readShimArguments(args)).toThrow(message);
});
