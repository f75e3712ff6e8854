import { comparedLines, findMismatch, schemataWrites } from "./schemata";

test("schemata are written in the order of the specification, each write ended by a newline", () => {
  expect(
    schemataWrites({
      schemata: ["L2:0=f", "", "L3:1=f"],
      memBwSchema: "MB:0=50",
      l3CacheSchema: "L3:0=ff",
    }),
  ).toEqual(["L3:0=ff\n", "MB:0=50\n", "L2:0=f\nL3:1=f\n"]);
});

test("without schemata nothing is written", () => {
  expect(schemataWrites({ closID: "gold", schemata: [], l3CacheSchema: "" })).toEqual([]);
});

test("only the schemas of cache and bandwidth are compared", () => {
  expect(comparedLines({ memBwSchema: "MB:0=50", schemata: ["L2:0=f"] })).toEqual(["MB:0=50"]);
});

const existing = "    MB:0= 50;1=100\n    L3:0=00ff;1=c0\nL3CODE:0=f\n";

test.each([
  ["as it is", "L3:0=ff;1=c0"],
  ["in another order", "L3:1=c0;0=ff"],
  ["with other zeros", "L3:00=0ff;1=000c0"],
  ["in capitals", "L3:0=FF"],
  ["with 0x", "L3:0=0xff"],
  ["with blanks", " L3 : 0 = ff ; 1 = c0 ; "],
  ["of one domain", "L3:1=c0"],
  ["of bandwidth", "MB:0=050;1=100"],
  ["that the kernel rounds up", "MB:0=45"],
  ["of another resource", "L3CODE:0=f"],
])("a line %s is what is there", (_, line) => {
  expect(findMismatch([line], existing, { bandwidthStep: 10 })).toBeUndefined();
});

test.each([
  ["of another mask", "L3:0=fe"],
  ["with a mask that only looks like the number", "L3:0=0"],
  ["of a domain that is not there", "L3:2=ff"],
  ["of a resource that is not there", "L2:0=f"],
  ["of another bandwidth", "MB:0=40"],
  ["that is none", "nonsense=1"],
])("a line %s is not what is there", (_, line) => {
  expect(findMismatch(["L3:0=ff", line], existing, { bandwidthStep: 10 })).toBe(line);
});

test("without a step bandwidth is compared as it is", () => {
  expect(findMismatch(["MB:0=45"], existing, { bandwidthStep: 1 })).toBe("MB:0=45");
});
