import { parseResources } from "./parse-resources";

const issuesOf = (text: string) => {
  const parsed = parseResources(text);
  if (parsed.ok) throw new Error("it was accepted");
  return parsed.issues.map(({ pointer, line, column }) => `${line}:${column} ${pointer}`);
};

describe("resources alone", () => {
  test("are read as a config has them, numbers of 64 bits exactly", () => {
    const text = '{"memory": {"limit": 9223372036854775807}, "pids": {"limit": 7}, "cpu": null}';
    expect(parseResources(text)).toEqual({
      ok: true,
      resources: { memory: { limit: 9223372036854775807n }, pids: { limit: 7 } },
    });
  });

  test("are refused with the pointer in a config and the place in their own text", () => {
    expect(issuesOf('{\n  "pids": {"limit": "7"},\n  "cpu": {"idle": 2}\n}')).toEqual([
      "2:21 /linux/resources/pids/limit",
      "3:19 /linux/resources/cpu/idle",
    ]);
  });

  test("may not be anything but one JSON object", () => {
    expect(issuesOf("[]")).toEqual(["1:1 /linux/resources"]);
    expect(issuesOf("{")).toHaveLength(1);
    expect(issuesOf('{}}, "mounts": [], "annotations": {"a": "b"')).toEqual(["1:3 "]);
  });
});
