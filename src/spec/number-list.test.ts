import { parseNumberList } from "./number-list";

test.each([
  ["", []],
  ["0", [0]],
  ["0-3,7", [0, 1, 2, 3, 7]],
  [" 7 , 1-2 ,, 2", [1, 2, 7]],
])("%j", (text, numbers) => {
  expect(parseNumberList(text, 1023)).toEqual({ numbers });
});

test.each([
  ["a", '"a" is neither a number nor a range'],
  ["1-", '"1-" is neither a number nor a range'],
  ["-1", '"-1" is neither a number nor a range'],
  ["3-1", '"3-1" ends before it begins'],
  ["0-9876543210", '"0-9876543210" goes beyond 1023'],
])("%j is refused", (text, mistake) => {
  expect(parseNumberList(text, 1023)).toEqual({ mistake });
});
