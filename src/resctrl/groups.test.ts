import type { IntelRdt } from "../generated/config";
import { UndoStack } from "../lifecycle/undo-stack";
import {
  changeSchemata,
  hasResource,
  joinGroups,
  locateGroups,
  makeGroups,
  missingGroups,
  type ResctrlFiles,
  removeGroups,
} from "./groups";

const failure = (code: string) => Object.assign(new Error(code), { code });

/** A resctrl file system: directories come with their files, and go with all that is in them. */
class FakeResctrl implements ResctrlFiles {
  readonly files = new Map<string, string>();
  readonly log: string[] = [];

  constructor() {
    this.addGroup("/r", true);
    this.files.set("/r/info/MB/bandwidth_gran", "10\n");
    this.files.set("/r/info/last_cmd_status", "ok\n");
  }

  addGroup(path: string, isClass: boolean): void {
    this.files.set(`${path}/tasks`, "");
    if (!isClass) return;
    this.files.set(`${path}/schemata`, "    L3:0=fff\n    MB:0=100\n");
    this.files.set(`${path}/mon_groups/`, "");
  }

  isThere(path: string): boolean {
    return [...this.files.keys()].some((name) => name === path || name.startsWith(`${path}/`));
  }

  isFile(path: string): boolean {
    return this.files.has(path);
  }

  makeDirectory(path: string): void {
    if (this.isThere(path)) throw failure("EEXIST");
    this.addGroup(path, !path.includes("mon_groups"));
    this.log.push(`mkdir ${path}`);
  }

  removeDirectory(path: string): void {
    if (!this.isThere(path)) throw failure("ENOENT");
    for (const name of [...this.files.keys()])
      if (name.startsWith(`${path}/`)) this.files.delete(name);
    this.log.push(`rmdir ${path}`);
  }

  read(path: string): string {
    const text = this.files.get(path);
    if (text === undefined) throw failure("ENOENT");
    return text;
  }

  write(path: string, text: string): void {
    this.read(path);
    if (path.endsWith("schemata") && (!text.endsWith("\n") || text.includes("bad"))) {
      this.files.set("/r/info/last_cmd_status", "Unknown schema\n");
      throw failure("EINVAL");
    }
    if (!path.endsWith("schemata")) this.files.set(path, text);
    this.log.push(`${path} < ${JSON.stringify(text)}`);
  }
}

let resctrl: FakeResctrl;
let undo: UndoStack;
beforeEach(() => {
  resctrl = new FakeResctrl();
  undo = new UndoStack();
});

function make(rdt: IntelRdt): string[] {
  return makeGroups(locateGroups("/r", rdt, "web"), undo, resctrl);
}

test("without intelRdt no resctrl file system is touched", () => {
  const none = locateGroups("/r", undefined, "web");

  expect(missingGroups(none, resctrl)).toEqual([]);
  expect(makeGroups(none, undo, resctrl)).toEqual([]);
  joinGroups(none, 7, resctrl);
  removeGroups([], resctrl);
  expect(resctrl.log).toEqual([]);
});

test("without closID the class is named after the container, and removed with it", () => {
  const groups = locateGroups("/r", { schemata: ["L3:0=f"], enableMonitoring: true }, "web");
  const expected = ["/r/web", "/r/web/mon_groups/web"];
  expect(missingGroups(groups, resctrl)).toEqual(expected);

  const created = makeGroups(groups, undo, resctrl);
  joinGroups(groups, 7, resctrl);
  removeGroups(created, resctrl);

  expect(created).toEqual(expected);
  expect(resctrl.log).toEqual([
    "mkdir /r/web",
    '/r/web/schemata < "L3:0=f\\n"',
    "mkdir /r/web/mon_groups/web",
    '/r/web/tasks < "7"',
    '/r/web/mon_groups/web/tasks < "7"',
    "rmdir /r/web/mon_groups/web",
    "rmdir /r/web",
  ]);
});

test("a class that is there can get other schemata, as far as the machine has such resources", () => {
  const rdt = { l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=20" };
  const groups = locateGroups("/r", rdt, "web");
  if (groups === undefined) throw new Error("there are no groups");
  resctrl.addGroup("/r/gold", true);

  changeSchemata({ ...groups, classDir: "/r/gold" }, resctrl);

  expect(resctrl.log).toEqual([
    '/r/gold/schemata < "L3:0=f\\n"',
    '/r/gold/schemata < "MB:0=20\\n"',
  ]);
  expect(hasResource("/r", "MB", resctrl)).toBe(true);
  expect(hasResource("/r", "L3", resctrl)).toBe(false);
});

test("a class of the container's name that was there before is used, and left", () => {
  resctrl.addGroup("/r/web", true);
  const groups = locateGroups("/r", { closID: "" }, "web");

  expect(missingGroups(groups, resctrl)).toEqual([]);
  expect(makeGroups(groups, undo, resctrl)).toEqual([]);
});

test("a class that config.json names is made when it has schemata, and not removed", () => {
  expect(make({ closID: "gold", memBwSchema: "MB:0=50" })).toEqual([]);

  expect(resctrl.log).toEqual(["mkdir /r/gold", '/r/gold/schemata < "MB:0=50\\n"']);
});

test("a class that config.json names and gives no schemata has to be there", () => {
  expect(() => make({ closID: "gold", enableMonitoring: true })).toThrow(
    /"\/r\/gold" is not there/,
  );
  expect(resctrl.log).toEqual([]);
});

test("only the monitoring group of a class that was there is removed", () => {
  resctrl.addGroup("/r/gold", true);
  const created = make({ closID: "gold", enableMonitoring: true });

  expect(created).toEqual(["/r/gold/mon_groups/web"]);
  removeGroups(created, resctrl);
  expect(resctrl.isThere("/r/gold/tasks")).toBe(true);
});

test('"/" is the default class', () => {
  const groups = locateGroups("/r", { closID: "/", enableMonitoring: true }, "web");

  expect(makeGroups(groups, undo, resctrl)).toEqual(["/r/mon_groups/web"]);
  joinGroups(groups, 7, resctrl);
  expect(resctrl.read("/r/tasks")).toBe("7");
});

test("a class that is there has to have the schemas already, by meaning", () => {
  resctrl.addGroup("/r/gold", true);

  make({ closID: "gold", l3CacheSchema: "L3:0=0FFF", memBwSchema: "MB:0=95" });
  expect(() => make({ closID: "gold", l3CacheSchema: "L3:0=f" })).toThrow(
    'has the schemata "L3:0=fff, MB:0=100", and must have "L3:0=f"',
  );
  expect(() => make({ closID: "/", l3CacheSchema: "L3:0=f" })).toThrow(/class of service "\/r"/);
});

test("schemata of an existing class are written whatever it has", () => {
  resctrl.addGroup("/r/gold", true);
  make({ closID: "gold", schemata: ["L3:0=f"] });

  expect(resctrl.log).toEqual(['/r/gold/schemata < "L3:0=f\\n"']);
});

test("a directory that is no class of service is refused", () => {
  expect(() => make({ closID: "info" })).toThrow(/"\/r\/info" is no class of service/);
});

test("a monitoring group that is there is an error, as it is somebody else's", () => {
  resctrl.addGroup("/r/gold", true);
  resctrl.addGroup("/r/gold/mon_groups/web", false);

  expect(() => make({ closID: "gold", enableMonitoring: true })).toThrow(/monitoring group/);
  undo.rollBack();
  expect(resctrl.isThere("/r/gold/mon_groups/web")).toBe(true);
});

test("what fails is told in the kernel's words, and everything is taken back", () => {
  const rdt = {
    closID: "gold",
    l3CacheSchema: "L3:0=f",
    schemata: ["bad"],
    enableMonitoring: true,
  };

  expect(() => make(rdt)).toThrow(/schemata" \(Unknown schema\)/);
  expect(undo.rollBack()).toEqual([]);
  expect(resctrl.isThere("/r/gold")).toBe(false);
});

test("a class that somebody has joined by now is not taken back", () => {
  make({ closID: "gold", l3CacheSchema: "L3:0=f", enableMonitoring: true });
  resctrl.files.set("/r/gold/tasks", "99\n");

  expect(undo.rollBack()).toEqual([]);
  expect(resctrl.isThere("/r/gold/tasks")).toBe(true);
  expect(resctrl.isThere("/r/gold/mon_groups/web")).toBe(false);
});

test("what is gone already is no error", () => {
  removeGroups(["/r/web", "/r/web/mon_groups/web"], resctrl);

  expect(resctrl.log).toEqual([]);
});
