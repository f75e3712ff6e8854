import { execFileSync } from "node:child_process";
import { closeSync, cpSync, mkdtempSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { repositoryDir } from "../support/environment";
import { rootSuite, shows } from "../support/shows";

const hugePage = 2n * 1024n * 1024n;
const loadable = 1;

interface Segment {
  readonly offset: bigint;
  readonly address: bigint;
}

/** The loadable segments of a program of 64 bits: elf(5). */
function segmentsOf(path: string): Segment[] {
  const bytes = Buffer.alloc(4096);
  const fd = openSync(path, "r");
  readSync(fd, bytes, 0, bytes.length, 0);
  closeSync(fd);
  const first = Number(bytes.readBigUInt64LE(32));
  const headers = Array.from(
    { length: bytes.readUInt16LE(56) },
    (_, index) => first + index * bytes.readUInt16LE(54),
  );
  return headers
    .filter((header) => bytes.readUInt32LE(header) === loadable)
    .map((header) => ({
      offset: bytes.readBigUInt64LE(header + 8),
      address: bytes.readBigUInt64LE(header + 16),
    }));
}

rootSuite("the launcher", () => {
  const prefix = join(repositoryDir, "dist");

  shows("ours", "the driver's segments stand in its file as huge pages need them", () => {
    const segments = segmentsOf(join(prefix, "lib/tsoci/driver"));

    expect(segments.length).toBeGreaterThan(1);
    for (const { offset, address } of segments) {
      expect(offset % hugePage).toBe(address % hugePage);
    }
  });

  shows("ours", "a driver that has left the page cache is read in whole", () => {
    // Not in a memory filesystem: what is there never leaves the cache.
    const copy = mkdtempSync(join(repositoryDir, "build/prefix-"));
    const driver = join(copy, "lib/tsoci/driver");
    try {
      for (const part of ["bin", "lib/tsoci"]) {
        cpSync(join(prefix, part), join(copy, part), { recursive: true });
      }
      execFileSync("sync", [driver]);
      execFileSync("dd", [`if=${driver}`, "iflag=nocache", "count=0", "status=none"]);
      const cachedBytes = () =>
        Number(execFileSync("fincore", ["--bytes", "--noheadings", "--output", "RES", driver]));
      const { size } = statSync(driver);
      const before = cachedBytes();

      execFileSync(join(copy, "bin/tsoci"), ["--version"]);

      expect(before).toBeLessThan(size / 8);
      expect(cachedBytes()).toBeGreaterThan(size * 0.9);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });
});
