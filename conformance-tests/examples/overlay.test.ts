import { exampleSuite, mishapNames, runExample, runtimeWith } from "../support/example";
import { shows } from "../support/shows";

/** What an example prints below one of its headings. */
function section(stdout: string, number: number): string {
  const text = stdout.split(/^== /m).find((part) => part.startsWith(`${number}. `));
  if (text === undefined) throw new Error(`no section ${number} in "${stdout}"`);
  return text;
}

exampleSuite("examples: overlay.sh", () => {
  shows(
    "ours",
    "what a container writes into an overlay lands in the upper directory, and the lower one stays",
    () => {
      const { status, stdout, stderr, left } = runExample("overlay.sh");

      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const seen = section(stdout, 4);
      expect(seen).toContain("/etc has: changed kept removed\n");
      expect(seen).toContain("/etc/changed is: changed, of the upper directory\n");
      expect(seen).toContain("now /etc has: changed kept written\n");
      const upper = section(stdout, 5);
      expect(upper).toMatch(/\/etc\/hidden +a whiteout: .* 0:0\n/);
      expect(upper).toMatch(/\/etc\/removed +a whiteout: .* 0:0\n/);
      expect(upper).toMatch(/\/etc\/written +"written by the container"\n/);
      expect(upper).toMatch(/\/etc\/kept +"kept, of the lower directory" \+ "and more, .*"\n/);
      const lower = section(stdout, 6);
      expect(lower.match(/, of the lower directory"\n/g)).toHaveLength(4);
      expect(lower).not.toMatch(/written|more|whiteout/);
      expect(lower).toContain("It is as it was, to the byte");
      expect(left).toEqual([]);
    },
    ["static busybox", "overlayfs"],
  );

  for (const mishap of mishapNames) {
    shows(
      "ours",
      `the directories of the overlay are gone as well when ${mishap}`,
      () => {
        const { status, left } = runExample("overlay.sh", { runtime: runtimeWith("run", mishap) });

        expect(status).not.toBe(0);
        expect(left).toEqual([]);
      },
      ["static busybox", "overlayfs"],
    );
  }
});
