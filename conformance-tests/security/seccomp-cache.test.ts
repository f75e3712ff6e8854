import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import { tried } from "../support/report";
import { callRuntime, expectRefusal } from "../support/runtime";
import { allowBut, systemCalls } from "../support/seccomp";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** What is kept of compiled filters decides what containers may do: it is used only if it is ours and whole. */
rootSuite("security: the cache of seccomp filters", () => {
  const container = useContainers();
  const getppid = String(systemCalls().get("getppid"));
  const nobody = 65534;

  const cacheOf = (box: Container) => join(box.stateRoot, "@seccomp");

  function filesIn(box: Container): string[] {
    return readdirSync(cacheOf(box)).map((name) => join(cacheOf(box), name));
  }

  /** The only file of the cache. */
  function fileOf(box: Container): string {
    const [file = "", ...others] = filesIn(box);
    expect(others).toEqual([]);
    return file;
  }

  function filtered(): Container {
    const box = container((config) => {
      allowBut(config, { names: ["getppid"], action: "SCMP_ACT_ERRNO", errnoRet: 33 });
    });
    box.probe("--syscall", getppid);
    return box;
  }

  const expectFiltered = (box: Container) =>
    expect(tried(box.see(), "syscall", getppid).error).toBe("EDOM");

  shows("ours", "a filter is compiled once, and its file is root's alone", () => {
    const box = filtered();
    expectFiltered(box);
    const { ino, mode, uid } = lstatSync(fileOf(box));

    expectFiltered(box);

    expect(lstatSync(fileOf(box)).ino).toBe(ino);
    expect([mode & 0o777, uid]).toEqual([0o600, 0]);
    expect(lstatSync(cacheOf(box)).mode & 0o777).toBe(0o700);
  });

  shows(
    "ours",
    "another profile has another file, and its flags and its agent do not matter",
    () => {
      const box = filtered();
      expectFiltered(box);
      Object.assign(box.config.linux.seccomp as object, { flags: [], listenerPath: "/agent" });
      box.writeConfig();
      expectFiltered(box);
      expect(filesIn(box)).toHaveLength(1);

      allowBut(box.config, { names: ["getppid"], action: "SCMP_ACT_ERRNO", errnoRet: 34 });
      box.writeConfig();

      expect(tried(box.see(), "syscall", getppid).error).toBe("ERANGE");
      expect(filesIn(box)).toHaveLength(2);
    },
  );

  const damages: Record<string, (file: string, bytes: Buffer) => void> = {
    "is empty": (file) => writeFileSync(file, ""),
    "is cut": (file, bytes) => writeFileSync(file, bytes.subarray(0, bytes.length - 8)),
    "has one bit that is wrong": (file, bytes) => {
      bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
      writeFileSync(file, bytes);
    },
    "is too large": (file, bytes) => writeFileSync(file, Buffer.concat([bytes, Buffer.alloc(2e5)])),
    "is another user's": (file) => chownSync(file, nobody, nobody),
    "others may write": (file) => chmodSync(file, 0o622),
    "is a link": (file) => {
      renameSync(file, `${file}.moved`);
      symlinkSync(`${file}.moved`, file);
    },
  };
  for (const [what, damage] of Object.entries(damages)) {
    shows("ours", `a file that ${what} is not used, and is written anew`, () => {
      const box = filtered();
      expectFiltered(box);
      const file = fileOf(box);
      const whole = readFileSync(file);
      damage(file, readFileSync(file));

      expectFiltered(box);

      const status = lstatSync(file);
      expect([status.isFile(), status.uid, status.mode & 0o777]).toEqual([true, 0, 0o600]);
      expect(readFileSync(file)).toEqual(whole);
    });
  }

  shows("ours", "a filter under another profile's name is not used", () => {
    const box = container((config) => {
      allowBut(config, { names: ["getpgrp"], action: "SCMP_ACT_ERRNO" });
    });
    box.probe("--syscall", getppid);
    box.do("run");
    const harmless = fileOf(box);
    allowBut(box.config, { names: ["getppid"], action: "SCMP_ACT_ERRNO", errnoRet: 33 });
    box.writeConfig();
    box.do("run");
    const [wanted = ""] = filesIn(box).filter((file) => file !== harmless);
    writeFileSync(wanted, readFileSync(harmless));

    expectFiltered(box);
  });

  for (const [what, damage] of [
    ["another user's", (dir: string) => chownSync(dir, nobody, nobody)],
    ["for others to write", (dir: string) => chmodSync(dir, 0o777)],
  ] as const) {
    shows("ours", `a directory that is ${what} is neither read nor written`, () => {
      const box = filtered();
      mkdirSync(cacheOf(box), { recursive: true, mode: 0o700 });
      chmodSync(box.stateRoot, 0o700);
      damage(cacheOf(box));

      expectFiltered(box);

      expect(filesIn(box)).toEqual([]);
    });
  }

  shows("ours", "the cache holds a bounded number of files", () => {
    const box = filtered();
    mkdirSync(cacheOf(box), { recursive: true, mode: 0o700 });
    chmodSync(box.stateRoot, 0o700);
    for (let index = 0; index < 100; index++) writeFileSync(join(cacheOf(box), `f${index}`), "");

    expectFiltered(box);

    expect(filesIn(box)).toHaveLength(64);
  });

  shows("ours", "the cache is no container", () => {
    const box = filtered();
    expectFiltered(box);

    expect(callRuntime(["--root", box.stateRoot, "list", "--quiet"]).stdout).toBe("");
    const invalid = callRuntime(["--root", box.stateRoot, "delete", "--force", "@seccomp"]);

    expectRefusal(invalid, "invalid container ID format");
    expect(filesIn(box)).toHaveLength(1);
  });
});
