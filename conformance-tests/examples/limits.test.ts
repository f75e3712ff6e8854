import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { scratchDir } from "../support/environment";
import { exampleSuite, mishapNames, runExample, runtimeWith } from "../support/example";
import { shows } from "../support/shows";

/** The lines of the table: the share of a core that was asked for, the one that was got, in percent. */
function readTable(stdout: string) {
  const line = /^ +(none|\d+ %) +(cpu\.\S+) = (.+?) +(\d+) % +(\d+) times/gm;
  return [...stdout.matchAll(line)].map(([, asked = "", file, limit, gets, throttled]) => ({
    asked: asked === "none" ? undefined : Number.parseInt(asked, 10),
    limit: `${file} = ${limit}`,
    gets: Number(gets),
    throttled: Number(throttled),
  }));
}

/** The lengths of the bars of one kind, in percent of a core. */
function barsOf(svg: string, kind: string): number[] {
  const bars = svg.matchAll(new RegExp(`<rect class="${kind}" x="130" .*width="([\\d.]+)"`, "g"));
  return [...bars].map(([, width]) => Math.round((Number(width) / 380) * 100));
}

exampleSuite("examples: limits.mjs", () => {
  shows(
    "ours",
    "loops get no more than they may, the memory hog is killed, and the chart shows what was measured",
    () => {
      const svgFile = join(mkdtempSync(join(scratchDir(), "chart-")), "limits.svg");

      const { status, stdout, stderr, left } = runExample("limits.mjs", {
        args: ["--svg", svgFile],
      });

      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const loops = readTable(stdout);
      expect(loops.map(({ asked }) => asked)).toEqual([undefined, 75, 50, 25]);
      for (const { asked, limit, gets } of loops) {
        expect(gets).toBeGreaterThan(0);
        // A window may begin and end within a quota, so it holds up to one more than it has periods. The
        // rest is for a reader that is held up between the counter and the clock.
        expect(gets).toBeLessThanOrEqual(asked === undefined ? 110 : asked * 1.1 + 6);
        expect(limit).toMatch(asked === undefined ? /= (-1|max 100000)$/ : `${asked}000`);
      }
      expect(loops[0]?.throttled).toBe(0);
      // A busy machine may keep a loop below its limit, but nothing else keeps one at it.
      const unexplained = loops.filter(
        ({ asked = 110, gets, throttled }) => gets > asked + 1 && throttled === 0,
      );
      expect(unexplained).toEqual([]);
      expect(stdout).toMatch(/memory\.(max|limit_in_bytes) = 16777216\n/);
      expect(stdout).toContain("status stopped, oomKilled true\n");
      const svg = readFileSync(svgFile, "utf8");
      expect(barsOf(svg, "asked")).toEqual([100, 75, 50, 25]);
      const off = barsOf(svg, "measured").map((bar, index) =>
        Math.abs(bar - (loops[index]?.gets ?? 0)),
      );
      expect(off).toHaveLength(4);
      expect(Math.max(...off)).toBeLessThanOrEqual(1);
      expect(left).toEqual([]);
    },
    ["static busybox"],
  );

  for (const mishap of mishapNames) {
    shows(
      "ours",
      `the container with its limits is gone as well when ${mishap}`,
      () => {
        const { status, left } = runExample("limits.mjs", {
          runtime: runtimeWith("start", mishap),
        });

        expect(status).not.toBe(0);
        expect(left).toEqual([]);
      },
      ["static busybox"],
    );
  }
});
