import { processOf } from "../support/config";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

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
