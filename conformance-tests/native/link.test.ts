import { closeSync } from "node:fs";
import { loadAddon } from "../../src/addon/addon";

/** What the driver hears when it has sent "b" to an init that says "a", reads `count` messages and ends. */
function lastWords({ says, reads }: { readonly says: boolean; readonly reads: number }) {
  const addon = loadAddon();
  const { driverFd, initFd } = addon.openLink();
  try {
    addon.sendMessage({ fd: driverFd, bytes: Buffer.from("b"), fds: [] });
    if (says) addon.sendMessage({ fd: initFd, bytes: Buffer.from("a"), fds: [] });
    for (let count = 0; count < reads; count++) addon.receiveMessage({ fd: initFd, timeoutMs: 0 });
    closeSync(initFd);
    const { bytes, isReset } = addon.receiveMessage({ fd: driverFd, timeoutMs: 0 });
    return [Buffer.from(bytes).toString(), isReset];
  } finally {
    closeSync(driverFd);
  }
}

test("an end with something unread is told apart, and hides no last words", () => {
  expect(lastWords({ says: false, reads: 1 })).toEqual(["", false]);
  expect(lastWords({ says: false, reads: 0 })).toEqual(["", true]);
  expect(lastWords({ says: true, reads: 1 })).toEqual(["a", false]);
  expect(lastWords({ says: true, reads: 0 })).toEqual(["a", true]);
});
