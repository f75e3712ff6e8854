import { GVariantError, parseGVariant } from "./gvariant";

test.each([
  ["'text'", "s", "text"],
  ['"a \'b\' \\" \\n \\u00e9"', "s", "a 'b' \" \n é"],
  ["true", "b", true],
  ["false", "b", false],
  ["45", "i", 45n],
  ["-0x10", "i", -16n],
  ["uint64 18446744073709551615", "t", 18446744073709551615n],
  ["  uint64   45 ", "t", 45n],
  ["int64 -1", "x", -1n],
  ["byte 0xff", "y", 255n],
  ["1.5", "d", 1.5],
  ["double 2", "d", 2],
  ["objectpath '/a'", "o", "/a"],
  ["['a', 'b']", "as", ["a", "b"]],
  ["[uint32 1, 2]", "au", [1n, 2n]],
  ["@as []", "as", []],
  ["@at [1]", "at", [1n]],
  ["[('/dev/null', 'rw')]", "a(ss)", [["/dev/null", "rw"]]],
  ["@a(st) [('/dev/sda', 5)]", "a(st)", [["/dev/sda", 5n]]],
  ["[[1], [2]]", "aai", [[1n], [2n]]],
])("%s", (text, type, value) => {
  expect(parseGVariant(text)).toEqual({ type, value });
});

test.each([
  ["", "expected a value, found the end"],
  ["text", 'expected a value, found "text"'],
  ["'text", 'expected a string that ends, found "\'text"'],
  ["1 2", 'expected the end, found "2"'],
  ["[1, 'a']", 'expected a value of the type "i"'],
  ["[]", "expected a type before the empty array, found the end"],
  ["[1 2]", 'expected ",", found "2]"'],
  ["uint64 -1", 'expected a number from 0 to 18446744073709551615, found "-1"'],
  ["2147483648", 'expected a number from -2147483648 to 2147483647, found "2147483648"'],
  ["uint64 'a'", 'expected a value of the type "t"'],
  ["uint64 1.5", 'expected a value of the type "t"'],
  ["@as ['a'", 'expected ",", found the end'],
  ["()", "expected a value of the type"],
  ["constructor [1]", 'expected a value, found "constructor"'],
  ["@constructor 1", 'expected a value of the type "constructor"'],
])("%j is refused", (text, message) => {
  expect(() => parseGVariant(text)).toThrow(GVariantError);
  expect(() => parseGVariant(text)).toThrow(message);
});

test.each(["[", "(", "uint32 ", "@s "])("10,000 times %j is refused", (text) => {
  expect(() => parseGVariant(text.repeat(10_000))).toThrow(
    "expected at most 128 values in each other",
  );
});
