import { validateState } from "../generated/validate-state";

const state = {
  ociVersion: "1.3.0",
  id: "box",
  status: "running",
  pid: 4422,
  bundle: "/containers/box",
};

test.each([
  ["with a pid", state],
  [
    "with annotations and more",
    { ...state, annotations: { key: "" }, rootfs: "/r", created: "now" },
  ],
  ["stopped, without a pid", { ...state, status: "stopped", pid: undefined }],
  ["creating, without a pid", { ...state, status: "creating", pid: undefined }],
])("a state %s is valid", (_name, document) => {
  expect(validateState(document)).toBe(true);
});

test.each([
  ["running without a pid", { ...state, pid: undefined }, "", "required"],
  ["created without a pid", { ...state, status: "created", pid: undefined }, "", "required"],
  ["of another status", { ...state, status: "paused" }, "/status", "enum"],
  ["with a relative bundle", { ...state, bundle: "box" }, "/bundle", "pattern"],
  ["with a negative pid", { ...state, pid: -1 }, "/pid", "wholeNumber"],
  ["without an id", { ...state, id: undefined }, "", "required"],
  ["that is a list", [], "", "type"],
])("a state %s is not", (_name, document, instancePath, keyword) => {
  expect(validateState(document)).toBe(false);
  expect(validateState.errors).toContainEqual(expect.objectContaining({ instancePath, keyword }));
});
