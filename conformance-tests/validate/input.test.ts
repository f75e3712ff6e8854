import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

function replaceConfig(make: (path: string) => void): (box: Container) => void {
  return (box) => {
    const path = join(box.bundleDir, "config.json");
    rmSync(path);
    make(path);
  };
}

const text = (content: string | Buffer) => replaceConfig((path) => writeFileSync(path, content));
const edited = (edit: (json: string) => string) => (box: Container) =>
  box.writeConfig(edit(JSON.stringify(box.config)));

/** Files that are no config.json, whatever they look like. */
const noConfigs: Record<string, (box: Container) => void> = {
  "an empty file": text(""),
  "a file that is cut": edited((json) => json.slice(0, json.length / 2)),
  "UTF-16": (box) =>
    box.writeConfig(
      Buffer.from(`\ufeff${JSON.stringify(box.config)}`, "utf16le").toString("latin1"),
    ),
  "bytes that are not UTF-8": (box) =>
    writeFileSync(
      join(box.bundleDir, "config.json"),
      Buffer.from(JSON.stringify(box.config).replace("probed", "pro\xffed"), "latin1"),
    ),
  "a FIFO": replaceConfig((path) => execFileSync("mkfifo", [path])),
  "a directory": replaceConfig((path) => mkdirSync(path)),
  "a link to /dev/zero": replaceConfig((path) => symlinkSync("/dev/zero", path)),
  "a link to itself": replaceConfig((path) => symlinkSync("config.json", path)),
  "64 MiB": text(`{"a":"${"x".repeat(64 << 20)}"}`),
  "twenty thousand levels": text("[".repeat(20_000) + "]".repeat(20_000)),
  "a duplicate name": edited((json) =>
    json.replace('"hostname":', '"hostname":"first","hostname":'),
  ),
  "a duplicate name deep down": edited((json) => json.replace('"uid":0', '"uid":0,"uid":0')),
  "data behind the end": edited((json) => `${json} x`),
  "a second object": edited((json) => `${json}${json}`),
  NaN: edited((json) => json.replace('"uid":0', '"uid":NaN')),
  "a comment": edited((json) => `// comment\n${json}`),
  "a trailing comma": edited((json) => json.replace('"uid":0', '"uid":0,')),
  "an array": text("[]"),
  null: text("null"),
  "a string": text('"config"'),
};

/** Values that no property may have. */
const badValues: Record<string, (json: string) => string> = {
  "NUL in args": (json) => json.replace('"/probe"', '"/probe\\u0000x"'),
  "NUL in env": (json) => json.replace('"TERM=xterm"', '"TERM=x\\u0000term"'),
  "NUL in cwd": (json) => json.replace('"cwd":"/"', '"cwd":"/\\u0000"'),
  "NUL in a destination": (json) =>
    json.replace('"destination":"/proc"', '"destination":"/proc\\u0000"'),
  "NUL in the hostname": (json) =>
    json.replace('"hostname":"probed"', '"hostname":"pro\\u0000bed"'),
  "a lone surrogate": (json) => json.replace('"hostname":"probed"', '"hostname":"\\ud800"'),
  "an env entry without =": (json) => json.replace('"TERM=xterm"', '"TERM"'),
  "a number in args": (json) => json.replace('["/probe"]', '["/probe",1]'),
  "a string where an object belongs": (json) => json.replace(/"root":\{[^}]*\}/, '"root":"rootfs"'),
  "null where an object belongs": (json) => json.replace(/"root":\{[^}]*\}/, '"root":null'),
  "a uid of 2^32": (json) => json.replace('"uid":0', '"uid":4294967296'),
  "a uid of 2^64": (json) => json.replace('"uid":0', '"uid":18446744073709551616'),
  "a uid of 1e400": (json) => json.replace('"uid":0', '"uid":1e400'),
  "a hostname longer than the kernel takes": (json) =>
    json.replace('"probed"', `"${"x".repeat(65)}"`),
};

rootSuite("validate: hostile input", () => {
  const container = useContainers();

  for (const [what, make] of Object.entries(noConfigs)) {
    shows("glossary.md#json", `${what} as config.json is refused at once`, () => {
      const box = container();
      make(box);

      expectRefusal(box.attempt("create", [], { timeoutMs: 10_000 }), "config.json");

      expect(box.leftovers()).toEqual([]);
    });
  }

  for (const [what, edit] of Object.entries(badValues)) {
    shows("config.md#valid-values", `${what} is refused`, () => {
      const box = container();
      box.writeConfig(edit(JSON.stringify(box.config)));

      expectRefusal(box.attempt("create"));

      expect(box.leftovers()).toEqual([]);
    });
  }

  shows(
    "config.md#extensibility",
    "properties that nobody knows are ignored, whatever they are called",
    () => {
      const box = container();
      box.writeConfig(
        JSON.stringify(box.config).replace(
          /^\{/,
          '{"unknown":{"a":[1]},"__proto__":{"x":1},"constructor":1,"toString":null,"windows":{},"vm":{},"zos":{},',
        ),
      );

      expect(box.see().pid).toBe(1);
    },
  );

  shows("config.md#extensibility", "a config of other platforms' properties is a config", () => {
    const box = container((config) => {
      Object.assign(config, { solaris: { limitpriv: "none" }, freebsd: { jail: {} } });
      processOf(config).commandLine = "ignored";
    });

    expect(box.see().pid).toBe(1);
  });

  shows(
    "config.md#annotations",
    "an annotation without a name is refused, one without a value is not",
    () => {
      const box = container((config) => {
        config.annotations = { "": "value" };
      });
      expectRefusal(box.attempt("create"), "annotations");

      box.config.annotations = { "org.example": "", "org.opencontainers.image.os": "linux" };
      box.writeConfig();
      expect(box.see().pid).toBe(1);
    },
  );

  shows(
    "security",
    "ten thousand variables and a hundred thousand arguments' bytes are passed on",
    () => {
      const box = container((config) => {
        processOf(config).env = [
          "PATH=/",
          ...Array.from({ length: 10_000 }, (_, index) => `V${index}=${index}`),
        ];
        processOf(config).args = ["/probe", "--append", "/dev/null", "x".repeat(100_000)];
      });

      const seen = box.see();

      expect(seen.env.length).toBeGreaterThanOrEqual(10_001);
      expect(seen.args[3]).toHaveLength(100_000);
    },
  );

  shows(
    "security",
    "an environment that is larger than the kernel takes is an error with its name",
    () => {
      const box = container((config) => {
        processOf(config).env = ["PATH=/", `BIG=${"x".repeat(4 << 20)}`];
      });

      expectRefusal(box.attempt("run"), /argument list too long|E2BIG/);

      expect(box.leftovers()).toEqual([]);
    },
  );
});
