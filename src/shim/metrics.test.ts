import { encodedStats } from "./metrics";
import { uint64, uint64In } from "./uint64";

test("a container without a cgroup that counts has no metrics", () => {
  expect(encodedStats({})).toBeUndefined();
  expect(encodedStats({ devices: "/c", "name=systemd": "/c" })).toBeUndefined();
});

test("a count that a message cannot have is 0", () => {
  expect(uint64(-1)).toBe(0n);
  expect(uint64(undefined)).toBe(0n);
  expect(uint64In("-1")).toBe(0n);
  expect(uint64In("18446744073709551615")).toBe(18446744073709551615n);
});
