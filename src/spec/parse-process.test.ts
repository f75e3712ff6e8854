import { parseProcess } from "./parse-process";

test("a process without a user is root's, as with runc", () => {
  expect(parseProcess('{"args": ["true"], "cwd": "/"}')).toMatchObject({
    ok: true,
    process: { user: { uid: 0, gid: 0 }, args: ["true"] },
  });
});

test("names in other letters are taken, and a user in them is not replaced", () => {
  expect(parseProcess('{"Args": ["true"], "cwd": "/", "USER": {"uid": 7}}')).toMatchObject({
    ok: true,
    process: { user: { uid: 7 }, args: ["true"] },
  });
});

test.each(["null", "[]", "1"])("%s is no process", (text) => {
  expect(parseProcess(text).ok).toBe(false);
});
