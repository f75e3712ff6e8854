import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RuntimeError } from "../errors/runtime-error";
import { placeProcess, type SubCgroup } from "./process-place";

let top: string;
let paths: Readonly<Record<string, string>>;

beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), "tsoci-place-"));
  for (const hierarchy of ["cpu", "memory", "unified"])
    mkdirSync(join(top, hierarchy, "web/sub/deep"), { recursive: true });
  mkdirSync(join(top, "memory/web/only"));
  mkdirSync(join(top, "cpu/web2"));
  const cpu = join(top, "cpu/web");
  paths = { cpu, cpuacct: cpu, memory: join(top, "memory/web"), "": join(top, "unified/web") };
});

afterAll(() => {
  rmSync(top, { recursive: true });
});

const place = (...subCgroups: readonly SubCgroup[]) => placeProcess(paths, subCgroups);
const v1 = (path: string) => ({
  tasksFiles: [`${top}/cpu/web${path}/tasks`, `${top}/memory/web${path}/tasks`],
});

function refusalOf(...subCgroups: readonly SubCgroup[]): RuntimeError {
  try {
    place(...subCgroups);
  } catch (error) {
    if (error instanceof RuntimeError) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(subCgroups)} was not refused`);
}

describe("where a further process goes", () => {
  test("by itself to where the container is, once for each hierarchy", () => {
    expect(place()).toEqual({
      ...v1(""),
      birthplace: `${top}/unified/web`,
      mayFollowInit: true,
    });
  });

  test("without a controller below all of them, but for the v2 part of a hybrid machine", () => {
    for (const path of ["sub", "/sub", "sub/", "./x/../sub"]) {
      expect(place({ controllers: [], path })).toEqual({
        ...v1("/sub"),
        birthplace: `${top}/unified/web`,
        mayFollowInit: false,
      });
    }
  });

  test("without a controller on v2 alone below it", () => {
    const unified = { "": join(top, "unified/web") };

    expect(placeProcess(unified, [{ controllers: [], path: "sub" }])).toEqual({
      tasksFiles: [],
      birthplace: `${top}/unified/web/sub`,
      mayFollowInit: false,
    });
  });

  test("with controllers below these", () => {
    const { tasksFiles } = place(
      { controllers: ["memory"], path: "only" },
      { controllers: ["cpu", "cpuacct"], path: "sub/deep" },
    );

    expect([...tasksFiles].sort()).toEqual([
      `${top}/cpu/web/sub/deep/tasks`,
      `${top}/memory/web/only/tasks`,
    ]);
  });

  test("without any cgroup nowhere", () => {
    expect(placeProcess({}, [])).toEqual({ tasksFiles: [], mayFollowInit: true });
  });
});

describe("what is refused", () => {
  test.each(["..", "../web2", "/..", "sub/../..", "sub/../../../etc"])("the path %s", (path) => {
    expect(refusalOf({ controllers: ["cpu"], path })).toMatchObject({
      code: "USAGE",
      message: `bad sub cgroup path: ${path}`,
    });
  });

  test.each(["whatever", "constructor", "__proto__", "toString", ""])(
    "the controller %j",
    (controller) => {
      const { code, message } = refusalOf({ controllers: [controller], path: "/" });

      expect(code).toBe("USAGE");
      expect(message).toBe(`unknown controller ${controller} in --cgroup`);
    },
  );

  test("a cgroup that is not there, in the words of runc", () => {
    const refusal = refusalOf({ controllers: ["cpu"], path: "none" });

    expect(refusal.code).toBe("CGROUP_FAILED");
    expect(refusal.message).toMatch(/ adding pid .*\/cpu\/web\/none/);
    expect(refusal.cause).toBe("no such file or directory");
  });
});
