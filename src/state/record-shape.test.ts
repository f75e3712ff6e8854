import { recordFixture as record } from "./record-fixture";
import { mistakeInRecord } from "./record-shape";

test("a record of ours is one", () => {
  expect(mistakeInRecord(record, "box")).toBeUndefined();
});

test.each([
  [undefined, "it is not a record of tsoci"],
  [null, "it is not a record of tsoci"],
  [[], "it is not a record of tsoci"],
  [{}, '"id" is missing, and must be "box"'],
  [{ ...record, id: "other" }, '"id" is "other", and must be "box"'],
  [{ ...record, tsoci: undefined }, '"tsoci" is not as tsoci writes it'],
  [{ ...record, cgroup_paths: { cpu: 7 } }, '"cgroup_paths" is not as tsoci writes it'],
  [{ ...record, config: { labels: [] } }, '"config.rootfs" is not as tsoci writes it'],
  [
    { ...record, tsoci: { ...record.tsoci, createdCgroups: [7] } },
    '"tsoci.createdCgroups" is not as tsoci writes it',
  ],
  [
    { ...record, tsoci: { ...record.tsoci, hooks: { poststart: [] } } },
    '"tsoci.hooks.poststop" is not as tsoci writes it',
  ],
])("%j is none: %s", (value, mistake) => {
  expect(mistakeInRecord(value, "box")).toBe(mistake);
});
