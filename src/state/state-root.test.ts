import { defaultStateRoot } from "./state-root";

test.each([
  [{ XDG_RUNTIME_DIR: "/run/user/7" }, "/run/user/7/tsoci"],
  [{ XDG_RUNTIME_DIR: "/run/user/7", USER: "ann" }, "/run/user/7/tsoci"],
  [{ XDG_RUNTIME_DIR: "/run/user/7", USER: "root" }, "/run/tsoci"],
  [{ USER: "ann" }, "/run/tsoci"],
])("the state of root in a user namespace with %j", (environment, stateRoot) => {
  expect(defaultStateRoot({ environment, euid: 0, inUserNamespace: true })).toBe(stateRoot);
});

test.each([
  [1000, { XDG_RUNTIME_DIR: "/run/user/1000" }, "/run/user/1000/tsoci"],
  [1000, {}, "/run/tsoci"],
  [0, { XDG_RUNTIME_DIR: "/run/user/0" }, "/run/tsoci"],
])("the state root of user %d with %j", (euid, environment, stateRoot) => {
  expect(defaultStateRoot({ environment, euid, inUserNamespace: false })).toBe(stateRoot);
});
