import { exactJson } from "./exact-json";

test("numbers of 64 bits are numbers, whatever else there is", () => {
  const value = { limit: 2n ** 64n - 1n, swap: -1n, text: "\0no7", list: [1, 2n] };

  expect(exactJson(value)).toBe(
    '{"limit":18446744073709551615,"swap":-1,"text":"\\u0000no7","list":[1,2]}',
  );
});
