import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryDir } from "../support/environment";
import { shows } from "../support/shows";
import { buildFaults, faultSuite, faultsDir } from "./subjects";

const table = readFileSync(join(repositoryDir, "native/faults/fault_calls.h"), "utf8");
const rows = [...table.matchAll(/^ {2}X\((\w+), /gm)].map(([, name = ""]) => name);

/** Of the C library and of Node what is no call to the kernel, or one that cannot fail or need not be heard. */
const faultless =
  /^(_.*|mem\w+|str\w+|napi_\w+|seccomp_\w+|pthread_\w+|sig\w+|v?snprintf|dprintf|is\w+|to(lower|upper)|ato\w+|dl\w+|cf\w+|malloc|free|get(p?pid|env)|clock_gettime|umask|close(dir)?|readdir|munmap|nanosleep|pause|raise|uname|signal|syscall|epoll_wait|tsoci_\w+|.*@.*)$/;

/** What the object files of a target want from others. */
function wantedBy(target: string): string[] {
  const dir = join(repositoryDir, `build/native-faults/CMakeFiles/${target}.dir`);
  const objects = readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".o") && !name.startsWith("faults/"))
    .map((name) => join(dir, name));
  const text = execFileSync("nm", ["--undefined-only", "--no-demangle", ...objects], {
    encoding: "utf8",
  });
  return [...text.matchAll(/^\s+U (\S+)$/gm)].map(([, name = ""]) => name);
}

faultSuite("faults: where they are", () => {
  beforeAll(buildFaults);

  for (const file of ["bin/tsoci", "lib/tsoci/driver", "lib/tsoci/tsoci.node"]) {
    shows("ours", `a release holds nothing of fault points: ${file}`, () => {
      const bytes = readFileSync(join(repositoryDir, "dist", file));

      expect(bytes.includes("TSOCI_FAULT")).toBe(false);
      expect(bytes.includes("__wrap_")).toBe(false);
    });
  }

  shows("ours", "the build for faults holds them, in the addon and in its init", () => {
    const bytes = readFileSync(join(faultsDir, "lib/tsoci/tsoci.node"));
    const first = bytes.indexOf("TSOCI_FAULTS");

    expect(first).toBeGreaterThan(0);
    expect(bytes.indexOf(".TSOCI_FAULTS", first + 1)).toBeGreaterThan(0);
  });

  for (const target of ["tsoci-init", "tsoci-addon"]) {
    shows("ours", `every call to the kernel of ${target} has a row in the table`, () => {
      const missing = wantedBy(target).filter(
        (name) => !rows.includes(name) && !faultless.test(name),
      );

      expect([...new Set(missing)]).toEqual([]);
      expect(rows.length).toBeGreaterThan(80);
    });
  }
});
