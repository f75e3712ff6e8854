import { readFileSync } from "node:fs";
import { describeError, isErrno } from "./describe";

function failureOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

test("a chain is one line, outermost first, ending in the errno's name", () => {
  const cause = failureOf(() => readFileSync("/nonexistent/x"));

  const text = describeError(new Error('create "web"', { cause: new Error("read it", { cause }) }));

  expect(text).toBe(
    'create "web": read it: open "/nonexistent/x": no such file or directory (ENOENT)',
  );
});

test("a link that repeats the one before it is said once", () => {
  expect(describeError(new Error("x", { cause: new Error("x", { cause: "y" }) }))).toBe("x: y");
});

test("a message of several lines is one", () => {
  expect(describeError(new Error("a\r\nb\nc"))).toBe("a b c");
});

test("an errno is known by its name", () => {
  const error = failureOf(() => readFileSync("/nonexistent/x"));

  expect(isErrno(error, "ENOENT")).toBe(true);
  expect(isErrno(error, "EACCES")).toBe(false);
  expect(isErrno("ENOENT", "ENOENT")).toBe(false);
});
