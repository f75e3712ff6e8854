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

test("the guard runs before the first undo, and its failure stops none; without one it does not run", () => {
  const done: string[] = [];
  const guard = () => {
    done.push("guard");
    throw new Error("no such file or directory (ENOENT)");
  };
  const undo = new UndoStack(guard);
  undo.push("directory", () => done.push("directory"));

  expect(undo.rollBack()).toEqual([]);
  expect(new UndoStack(guard).rollBack()).toEqual([]);
  expect(done).toEqual(["guard", "directory"]);
});
