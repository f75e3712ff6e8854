import { RuntimeError } from "../errors/runtime-error";
import { assertContainerId } from "./container-id";

test.each(["a", "web-1", "A_b+c.d", "...", "9", "x".repeat(255)])("%j is an id", (id) => {
  expect(() => assertContainerId(id)).not.toThrow();
});

test.each([
  ["", "container id cannot be empty"],
  [".", 'invalid container ID format: ".", expected'],
  ["..", 'invalid container ID format: "..", expected'],
  ["a/b", 'invalid container ID format: "a/b", expected'],
  ["a b", 'invalid container ID format: "a b", expected'],
  ["a\n", 'invalid container ID format: "a\\n", expected'],
  ["ä", 'invalid container ID format: "ä", expected'],
  ["x".repeat(256), "invalid container ID format: 256 characters, expected at most 255"],
])("%j is refused", (id, message) => {
  let refusal: unknown;
  try {
    assertContainerId(id);
  } catch (error) {
    refusal = error;
  }

  expect(refusal).toBeInstanceOf(RuntimeError);
  expect(refusal).toMatchObject({ code: "ID_INVALID", message: expect.stringContaining(message) });
});
