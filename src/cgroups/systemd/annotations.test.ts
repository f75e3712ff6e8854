import { propertiesOfAnnotations } from "./annotations";

const only = (name: string, text: string) =>
  propertiesOfAnnotations({ [`org.systemd.property.${name}`]: text, "org.example": "'x'" });

test.each([
  ["TimeoutStopUSec", "uint64 45", { name: "TimeoutStopUSec", type: "t", value: 45n }],
  ["TimeoutStopSec", "uint64 45", { name: "TimeoutStopUSec", type: "t", value: 45_000_000n }],
  ["TimeoutStopSec", "1.5", { name: "TimeoutStopUSec", type: "t", value: 1_500_000n }],
  ["CollectMode", "'inactive'", { name: "CollectMode", type: "s", value: "inactive" }],
  ["SendSIGHUP", "true", { name: "SendSIGHUP", type: "b", value: true }],
  ["After", "['a.service']", { name: "After", type: "as", value: ["a.service"] }],
])("%s with %s", (name, text, property) => {
  expect(only(name, text)).toEqual([property]);
});

test.each([
  ["TimeoutStopSec", "'a'", "expected a number of seconds"],
  ["TimeoutStopSec", "-1", "expected seconds from 0 on"],
  ["TimeoutStopSec", "1e400", "expected at most 18446744073709 seconds"],
  ["TimeoutStopSec", "uint64 18446744073710", "expected at most 18446744073709 seconds"],
  ["CollectMode", "inactive", 'expected a value, found "inactive"'],
  ["Bad-Name", "1", "the name of a unit's property is at least three letters"],
])("%s with %s is refused, and the annotation is named", (name, text, message) => {
  expect(() => only(name, text)).toThrow(
    `annotation "org.systemd.property.${name}" is ${JSON.stringify(text)}: ${message}`,
  );
});
