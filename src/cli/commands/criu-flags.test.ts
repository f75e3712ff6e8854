import { commandOf } from "../args-fixture";

const plainCriu = {
  id: "web",
  imageDir: "/here/checkpoint",
  tcpEstablished: false,
  tcpClose: false,
  externalUnixSockets: false,
  shellJob: false,
  fileLocks: false,
  lazyPages: false,
  autoDedup: false,
  emptyNamespaces: [],
};
const plainCheckpoint = {
  ...plainCriu,
  leaveRunning: false,
  preDump: false,
  tcpSkipInFlight: false,
  linkRemap: false,
};
const plainRestore = {
  ...plainCriu,
  bundleDir: "/here",
  pivot: true,
  newKeyring: true,
  preserveFds: 0,
  detach: false,
  subreaper: true,
};

test("checkpoint without flags writes into the working directory, and ends the container", () => {
  expect(commandOf(["checkpoint", "web"])).toEqual({
    name: "checkpoint",
    request: plainCheckpoint,
  });
});

test("checkpoint understands what go-runc calls it with, and words that only crun knows", () => {
  const argv =
    "checkpoint --image-path=/i --work-path w --leave-running --file-locks --empty-ns network " +
    "--page-server [::1]:9 --status-fd 3 --network-lock skip --tcp-close web";

  expect(commandOf(argv.split(" "))).toEqual({
    name: "checkpoint",
    request: {
      ...plainCheckpoint,
      imageDir: "/i",
      workDir: "/here/w",
      leaveRunning: true,
      fileLocks: true,
      emptyNamespaces: ["network"],
      pageServer: { address: "::1", port: 9 },
      statusFd: 3,
      networkLock: "skip",
      tcpClose: true,
    },
  });
});

test("restore without flags is in the foreground", () => {
  expect(commandOf(["restore", "web"])).toEqual({ name: "restore", request: plainRestore });
});

test("restore understands what go-runc calls it with, the flag with one dash too", () => {
  const argv =
    "restore --image-path i --work-path /w --detach --pid-file p -no-subreaper --no-pivot --bundle /b web";

  expect(commandOf(argv.split(" "))).toEqual({
    name: "restore",
    request: {
      ...plainRestore,
      bundleDir: "/b",
      imageDir: "/here/i",
      workDir: "/w",
      detach: true,
      pidFile: "/here/p",
      subreaper: false,
    },
  });
});
