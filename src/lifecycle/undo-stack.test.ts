import { UndoStack } from "./undo-stack";

test("what was made last is taken back first", () => {
  const undo = new UndoStack();
  const undone: string[] = [];
  for (const what of ["directory", "cgroup", "init"]) undo.push(what, () => undone.push(what));

  expect(undo.rollBack()).toEqual([]);
  expect(undone).toEqual(["init", "cgroup", "directory"]);
});

test("a failing undo keeps none of the others from running, and is named", () => {
  const undo = new UndoStack();
  const undone: string[] = [];
  undo.push("directory", () => undone.push("directory"));
  undo.push("cgroup", () => {
    throw new Error("device or resource busy (EBUSY)");
  });

  expect(undo.rollBack()).toEqual(["cgroup: device or resource busy (EBUSY)"]);
  expect(undone).toEqual(["directory"]);
});

test("after a commit nothing is taken back", () => {
  const undo = new UndoStack();
  undo.push("directory", () => {
    throw new Error("must not run");
  });
  undo.commit();

  expect(undo.rollBack()).toEqual([]);
});
