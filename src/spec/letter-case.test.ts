import { takeKnownMembers, validateConfig } from "../generated/validate-config";
import { configText, findingsAfter } from "./config-fixture";
import { readJson } from "./json";
import { correctLetterCase } from "./letter-case";
import { parseConfig } from "./parse-config";

const parse = (text: string) => parseConfig(new TextEncoder().encode(text));

const corrected = (text: string, type: string) => {
  const { value } = readJson(text);
  const clashes = correctLetterCase(value, type);
  return { value: JSON.parse(JSON.stringify(value)), clashes };
};

test("the schema knows every member of a config whose names are right", () => {
  const { value, members } = readJson(configText(), { dropNullMembers: true });
  takeKnownMembers();

  expect(validateConfig(value)).toBe(true);
  expect(takeKnownMembers()).toBe(members);
});

test("names in other letters are those of the specification, at every level", () => {
  const text = '{"CPU": {"Cpus": "1"}, "hugepageLimits": [{"pagesize": "2MB", "LIMIT": 1}]}';

  expect(corrected(text, "Resources")).toEqual({
    value: { cpu: { cpus: "1" }, hugepageLimits: [{ pageSize: "2MB", limit: 1 }] },
    clashes: [],
  });
});

test("names that a user chose stay as they are, and what is below them does not", () => {
  const text =
    '{"Unified": {"Memory.High": "1"}, "rdma": {"HCA": {"hcahandles": 1}}, "Other": {"CPU": 1}}';

  expect(corrected(text, "Resources").value).toEqual({
    unified: { "Memory.High": "1" },
    rdma: { HCA: { hcaHandles: 1 } },
    Other: { CPU: 1 },
  });
});

test.each([
  ['{"cpu": {}, "CPU": {}}', ["cpu", "CPU"]],
  ['{"CPU": {}, "cpu": {}}', ["cpu", "CPU"]],
  ['{"CPU": {}, "Cpu": {}}', ["CPU", "Cpu"]],
])("%s has one property in two spellings", (text, spellings) => {
  expect(corrected(text, "Resources").clashes).toEqual([{ pointer: "/cpu", spellings }]);
});

test("a config with such names is taken", () => {
  const text = configText().replace('"hostname"', '"HostName"').replace('"linux"', '"LINUX"');

  expect(text).toContain("LINUX");
  expect(parse(text)).toEqual(parse(configText()));
});

test("two spellings of one property are an error that names both, at its place", () => {
  const text = '{\n"ociVersion": "1.0.0",\n"OCIVERSION": "1.2.0", "root": {"path": "r"}}';

  expect(parse(text)).toMatchObject({
    ok: false,
    issues: [
      {
        pointer: "/ociVersion",
        message: 'is there as "ociVersion" and as "OCIVERSION", and must be there once',
        line: 2,
      },
    ],
  });
});

test("a finding about a name in other letters has its place", () => {
  const text =
    '{"ociVersion": "1.0.0", "root": {"path": "r"},\n"Linux": {"Resources": {\n"Pids": {"Limit": "x"}}}}';

  expect(parse(text)).toMatchObject({
    ok: false,
    issues: [{ pointer: "/linux/resources/pids/limit", line: 3 }],
  });
});

test("what the specification does not know is no finding", () => {
  expect(findingsAfter(["/Vendor", { CPU: 1 }])).toEqual([]);
});
