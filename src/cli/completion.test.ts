import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandNames, loadCommand } from "./commands";
import { completionScript, shells } from "./completion";

const commands = commandNames().map((name) => ({ name, ...loadCommand(name) }));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "tsoci-completion-"));
  mkdirSync(join(dir, "some-bundle"));
  writeFileSync(join(dir, "some-file"), "");
  // Stands for the program, and says which containers there are.
  const body = '#!/bin/sh\n[ "$1" = --root ] && echo "in-$2" || printf "web\\nworker\\ndb\\n"\n';
  writeFileSync(join(dir, "tsoci"), body, { mode: 0o755 });
  for (const shell of shells) {
    writeFileSync(join(dir, `script.${shell}`), completionScript(shell, "tsoci", commands));
  }
});
afterAll(() => rmSync(dir, { recursive: true }));

/** What bash offers for the last of these words. */
function offered(...words: readonly string[]): string[] {
  const script = `source script.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tsoci
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync(
    "bash",
    ["--norc", "-uc", script, "bash", "tsoci", ...words],
    {
      cwd: dir,
      encoding: "utf8",
      env: { PATH: `${dir}:/usr/bin:/bin` },
    },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n").filter(Boolean);
}

describe("in bash", () => {
  test.each([
    [["st"], ["start", "state"]],
    [["--deb"], ["--debug"]],
    [
      ["--log-format", ""],
      ["text", "json"],
    ],
    [["--log-format", "=", "j"], ["json"]],
    [
      ["--log-format", "="],
      ["text", "json"],
    ],
    [
      ["--log", "some-"],
      ["some-bundle", "some-file"],
    ],
    [
      ["state", "w"],
      ["web", "worker"],
    ],
    [["--root", "/r", "delete", "--force", ""], ["in-/r"]],
    [["kill", "web", ""], []],
    [["create", ""], []],
    [["create", "--bundle", "some-"], ["some-bundle"]],
    [
      ["create", "-b", "x", "--pid"],
      ["--pidfd-socket", "--pid-file"],
    ],
    [["list", "-f", "t"], ["table"]],
    [["completion", "f"], ["fish"]],
    [
      ["mounts", ""],
      ["add", "remove"],
    ],
    [["nothing", ""], []],
  ])("%j is completed by %j", (words, expected) => {
    expect(offered(...words)).toEqual(expected);
  });
});

test("flags that are hidden are not offered", () => {
  expect(offered("update", "--kernel")).toEqual([]);
});

test.each(["zsh", "fish"] as const)(
  "the script for %s names each command, and says what it is for",
  (shell) => {
    const script = completionScript(shell, "tsoci", commands);

    for (const { name, summary } of commands) {
      const words = summary.replaceAll("'", shell === "fish" ? "\\'" : "'\\''");
      expect(script).toContain(name);
      expect(script).toContain(words);
    }
  },
);

test.each([
  ["zsh", ["-n", "script.zsh"]],
  ["fish", ["--no-execute", "script.fish"]],
])("%s can read its script, where there is one", (shell, args) => {
  const { error, status, stderr } = spawnSync(shell, args, { cwd: dir, encoding: "utf8" });
  const isThere = (error as NodeJS.ErrnoException | undefined)?.code !== "ENOENT";
  expect(isThere ? { status, stderr } : { status: 0, stderr: "" }).toEqual({
    status: 0,
    stderr: "",
  });
});
