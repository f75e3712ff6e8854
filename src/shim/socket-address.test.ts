import { groupOf, socketPathOf } from "./socket-address";

const place = { grpcAddress: "/run/containerd/containerd.sock", namespace: "k8s.io", group: "pod" };

test("a container without a group is its own", () => {
  expect(groupOf("web", undefined)).toBe("web");
  expect(groupOf("web", { "some.other": "x" })).toBe("web");
});

test("a container is in the group of its pod, unless it says another", () => {
  const sandbox = { "io.kubernetes.cri.sandbox-id": "pod" };

  expect(groupOf("web", sandbox)).toBe("pod");
  expect(groupOf("web", { ...sandbox, "io.containerd.runc.v2.group": "mine" })).toBe("mine");
  expect(groupOf("web", { ...sandbox, "io.containerd.runc.v2.group": "" })).toBe("pod");
});

test("the socket has a name of 64 hex digits below containerd's directory", () => {
  expect(socketPathOf(place)).toMatch(/^\/run\/containerd\/s\/[0-9a-f]{64}$/);
  expect(socketPathOf({ ...place, socketDir: "/run/k/s/" })).toMatch(/^\/run\/k\/s\/[0-9a-f]{64}$/);
});

test("a group has one socket, and every other group, namespace and containerd another", () => {
  const others = [
    place,
    { ...place, group: "pod2" },
    { ...place, namespace: "moby" },
    { ...place, grpcAddress: "/run/docker/containerd/containerd.sock" },
    { ...place, namespace: "k8s.io/pod", group: "" },
  ];

  expect(new Set(others.map(socketPathOf)).size).toBe(others.length);
  expect(socketPathOf({ ...place })).toBe(socketPathOf(place));
});

test("a path that no socket can have is refused", () => {
  const socketDir = `/run/${"d".repeat(60)}`;

  expect(() => socketPathOf({ ...place, socketDir })).toThrow("bytes, expected at most 107");
});
