import { parseProcess } from "./parse-process";

const smallest = '{"args":["x"],"cwd":"/","user":{"uid":0,"gid":0}}';

function issuesOf(text: string) {
  const parsed = parseProcess(text);
  if (parsed.ok) throw new Error(`"${text}" was accepted`);
  return parsed.issues;
}

test("a process is read as that of a config.json is", () => {
  expect(parseProcess(smallest)).toEqual({
    ok: true,
    process: { args: ["x"], cwd: "/", user: { uid: 0, gid: 0 } },
    warnings: [],
  });
});

test("numbers beyond 2^53 are exact", () => {
  const limit = '{"type":"RLIMIT_CORE","soft":9007199254740993,"hard":18446744073709551615}';
  const parsed = parseProcess(smallest.replace('"cwd"', `"rlimits":[${limit}],"cwd"`));

  expect(parsed).toMatchObject({
    process: { rlimits: [{ soft: 9007199254740993n, hard: 18446744073709551615n }] },
  });
});

test("a problem has its place in the text, and a pointer from the process on", () => {
  const inFirstLine = smallest.replace('"/"', '"tmp"');
  const inThird = '{\n"args":["x"],\n"cwd":"tmp","user":{"uid":0,"gid":0}}';

  expect(issuesOf(inFirstLine)).toMatchObject([
    { pointer: "/cwd", line: 1, column: inFirstLine.indexOf('"tmp"') + 1 },
  ]);
  expect(issuesOf(inThird)).toMatchObject([{ pointer: "/cwd", line: 3, column: 7 }]);
});

test("all problems are told", () => {
  const issues = issuesOf('{"args":[],"cwd":"tmp","user":{"uid":-1,"gid":0}}');

  expect(issues.map(({ pointer }) => pointer).sort()).toEqual(["/args", "/cwd", "/user/uid"]);
});

test("the rules between properties hold", () => {
  const text = smallest.replace(
    '"cwd"',
    '"rlimits":[{"type":"RLIMIT_CORE","soft":2,"hard":1}],"cwd"',
  );

  expect(issuesOf(text)[0]?.pointer).toMatch(/^\/rlimits\/0/);
});

describe("what is no process alone is refused", () => {
  test.each([
    "",
    " ",
    "null",
    "[]",
    "1",
    '"x"',
    "{}",
    smallest.slice(0, -1),
    `${smallest} ${smallest}`,
    `${smallest},"hostname":"x"`,
    `${smallest},"process":${smallest}`,
    `${smallest},"x":1`,
    `${smallest}}`,
    `${smallest}//`,
  ])("%s", (text) => {
    const [first] = issuesOf(text);

    expect(first?.line).toBeGreaterThanOrEqual(1);
    expect(first?.column).toBeGreaterThanOrEqual(1);
    expect(first?.pointer).not.toContain("/process");
  });

  test("more than a config.json may be", () => {
    expect(issuesOf(" ".repeat(64 * 1024 * 1024))[0]?.message).toMatch(/characters long/);
  });
});

test("a process without a user is root's, as with runc", () => {
  expect(parseProcess('{"args": ["true"], "cwd": "/"}')).toMatchObject({
    ok: true,
    process: { user: { uid: 0, gid: 0 }, args: ["true"] },
  });
});

test("names in other letters are taken, and a user in them is not replaced", () => {
  expect(parseProcess('{"Args": ["true"], "cwd": "/", "USER": {"uid": 7}}')).toMatchObject({
    ok: true,
    process: { user: { uid: 7 }, args: ["true"] },
  });
});
