import { exampleSuite, mishapNames, runExample, runtimeWith } from "../support/example";
import { isAlive } from "../support/host";
import type { Need } from "../support/needs";
import { asOrdinaryUser, ordinaryId } from "../support/ordinary-user";
import { shows } from "../support/shows";
import { waitFor } from "../support/wait";

const needs: readonly Need[] = ["static busybox", "an ordinary user's namespaces"];

exampleSuite("examples: rootless-http.sh", () => {
  shows(
    "ours",
    "an ordinary user's web server answers, root inside and that user outside",
    () => {
      const { status, stdout, stderr, left } = runExample("rootless-http.sh");

      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toMatch(/\| HTTP\/1\.[01] 200 OK/);
      expect(stdout).toMatch(
        /\| Hello from the container "web-\d+"\.\n {3}\| In here I am uid 0\.\n/,
      );
      expect(stdout).toContain("uid inside:  0\n");
      expect(stdout).toContain(`uid outside: ${ordinaryId} `);
      expect(stdout).toMatch(new RegExp(`uid_map: 0 ${ordinaryId} 1\\n`));
      expect(stdout).toContain("linux.namespaces   pid, ipc, uts, mount, ");
      expect(stdout).toContain("containers left: 0\n");
      expect(left).toEqual([]);
    },
    needs,
  );

  for (const mishap of mishapNames) {
    shows(
      "ours",
      `the web server and its files are gone as well when ${mishap}`,
      () => {
        const runtime = runtimeWith("kill", mishap, asOrdinaryUser().runtime);

        const { status, stdout, left } = runExample("rootless-http.sh", { runtime });

        expect(status).not.toBe(0);
        const pid = Number(/process (\d+) of the host/.exec(stdout)?.[1]);
        expect(pid).toBeGreaterThan(1);
        waitFor(`process ${pid} to end`, () => !isAlive(pid));
        expect(left).toEqual([]);
      },
      needs,
    );
  }
});
