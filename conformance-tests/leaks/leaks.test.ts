import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { useBackground } from "../support/background";
import { scratchDir } from "../support/environment";
import { cgroupParent, hierarchies } from "../support/host";
import { findLeaks, snapshotHost } from "../support/leaks";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** The whole run is judged by global-teardown.ts; here is shown that its judge has eyes. */
rootSuite("leaks: what would be found", () => {
  const container = useContainers();
  const { start } = useBackground();

  const leaks = () => findLeaks(snapshotHost(), scratchDir());

  shows("ours", "a process that a test started is found", () => {
    const { pid } = start("sleep", ["60"]);

    expect(leaks()).toContainEqual(expect.stringMatching(`^process ${pid} sleep 60`));
  });

  shows(
    "ours",
    "a container that was not deleted is found: its init, its state and its cgroup",
    () => {
      const box = container();
      box.do("create");
      const { pid } = box.state();

      const found = leaks();

      expect(found).toContainEqual(expect.stringMatching(`^process ${pid} `));
      expect(found).toContain(`state ${join(box.stateRoot, box.id)}`);
      for (const { mountPoint } of hierarchies()) {
        expect(found).toContain(`cgroup ${join(mountPoint, box.cgroupPath)}`);
      }
    },
  );

  shows("ours", "a cgroup that was left is found", () => {
    const [{ mountPoint } = { mountPoint: "" }] = hierarchies();
    const dir = join(mountPoint, cgroupParent(), "left");
    mkdirSync(dir);

    expect(leaks()).toContain(`cgroup ${dir}`);

    rmdirSync(dir);
  });

  shows("ours", "a mount that came after the snapshot is found", () => {
    const { mounts, defaultStates } = snapshotHost();
    const [missing = "", ...others] = [...mounts].reverse();

    const found = findLeaks({ mounts: others, defaultStates }, scratchDir());

    expect(found).toContain(missing);
  });

  shows("ours", "nothing of a container that was run is found", () => {
    const box = container();
    box.do("run");

    expect(leaks().filter((leak) => leak.includes(box.id))).toEqual([]);
  });
});
