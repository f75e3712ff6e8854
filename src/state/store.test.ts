import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RuntimeError } from "../errors/runtime-error";
import type { ContainerRecord } from "./record";
import { recordFixture } from "./record-fixture";
import { assertStateRootIsOurs, loadRecord, reserveId, saveRecord } from "./store";

const euid = process.geteuid?.() ?? 0;
let stateRoot: string;

beforeEach(() => {
  stateRoot = mkdtempSync(join(tmpdir(), "tsoci-store-"));
});

afterEach(() => {
  rmSync(stateRoot, { recursive: true });
});

function codeOf(operation: () => unknown): string {
  try {
    operation();
  } catch (error) {
    if (error instanceof RuntimeError) return error.code;
    throw error;
  }
  return "none";
}

const record = (id: string, pid: number) =>
  ({ ...recordFixture, id, init_process_pid: pid }) as ContainerRecord;

test("a record is replaced as a whole: who has the old one open reads the old one", () => {
  reserveId(stateRoot, "web");
  saveRecord(stateRoot, record("web", 1));
  const path = join(stateRoot, "web/state.json");
  const old = openSync(path, "r");
  try {
    saveRecord(stateRoot, record("web", 2));

    expect(JSON.parse(readFileSync(old, "utf8"))).toMatchObject({ init_process_pid: 1 });
  } finally {
    closeSync(old);
  }
  expect(loadRecord(stateRoot, "web").init_process_pid).toBe(2);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a record counts only for the id that it names", () => {
  reserveId(stateRoot, "web");
  const path = join(stateRoot, "web/state.json");
  writeFileSync(path, JSON.stringify(record("other", 1)));

  expect(codeOf(() => loadRecord(stateRoot, "web"))).toBe("STATE_UNREADABLE");
});

test("an id is taken by one, in a directory for nobody else", () => {
  reserveId(stateRoot, "web");

  expect(codeOf(() => reserveId(stateRoot, "web"))).toBe("ID_TAKEN");
  expect(statSync(join(stateRoot, "web")).mode & 0o777).toBe(0o700);
});

describe("a state root", () => {
  const judged = (path: string, uid = euid) => codeOf(() => assertStateRootIsOurs(path, uid));

  test.each(["700", "755", "711"])("of mode %s is trusted", (mode) => {
    chmodSync(stateRoot, Number.parseInt(mode, 8));

    expect(judged(stateRoot)).toBe("none");
  });

  test.each(["770", "720", "702", "1777"])("of mode %s is not trusted", (mode) => {
    chmodSync(stateRoot, Number.parseInt(mode, 8));

    expect(judged(stateRoot)).toBe("HOST_FAILED");
  });

  test("of somebody else, a file and a link are not trusted; what is not there is made", () => {
    const [file, link] = [join(stateRoot, "file"), join(stateRoot, "link")];
    writeFileSync(file, "");
    symlinkSync(".", link);

    expect(judged(stateRoot, euid + 1)).toBe("HOST_FAILED");
    expect([file, link].map((path) => judged(path))).toEqual(["HOST_FAILED", "HOST_FAILED"]);
    expect(judged(join(stateRoot, "missing"))).toBe("none");
  });
});
