import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { readProcFile } from "../support/host";
import { callRuntime, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

/** In clock ticks, by the fourteenth field of proc(5), /proc/[pid]/stat. */
const usedTicks = (pid: number) =>
  Number(
    readProcFile(pid, "stat")
      ?.replace(/^.*\) /s, "")
      .split(" ")[11],
  );

rootSuite("pause and resume", () => {
  const container = useContainers();

  function running(): Container {
    const box = container((config) => {
      processOf(config).args = ["/bin/sh", "-c", "while :; do :; done"];
    });
    box.addBusybox();
    box.do("create");
    box.do("start");
    return box;
  }

  shows(
    "peers",
    "a paused container stands still, says so, and goes on after resume",
    () => {
      const box = running();
      const { pid } = box.state();
      waitFor("the program to be at work", () => usedTicks(pid) > 0);

      expect(box.do("pause")).toMatchObject({ stdout: "", stderr: "" });

      expect(box.state()).toMatchObject({ status: "paused", pid });
      const used = usedTicks(pid);
      const ours = usedTicks(process.pid);
      // Busy, so that a program that was not stopped would have got its share too.
      while (usedTicks(process.pid) < ours + 5);
      expect(usedTicks(pid)).toBe(used);

      expect(box.do("resume")).toMatchObject({ stdout: "", stderr: "" });
      expect(box.state().status).toBe("running");
      waitFor("the program to go on", () => usedTicks(pid) > used);
    },
    ["freezer", "static busybox"],
  );

  shows(
    "peers",
    "what is paused cannot be paused, and what is not cannot be resumed",
    () => {
      const box = running();

      expectRefusal(box.attempt("resume"), "container not paused");
      box.do("pause");
      expectRefusal(box.attempt("pause"), "container not running");
      expectRefusal(callRuntime(["--root", box.stateRoot, "pause", "nobody"]), "does not exist");

      box.do("resume");
      box.kill("KILL");
      box.waitUntilStopped();
      expectRefusal(box.attempt("pause"), "container not running");
      expectRefusal(box.attempt("resume"), "container not paused");
    },
    ["freezer", "static busybox"],
  );

  shows(
    "peers",
    "a created container can be paused, and started once it is resumed",
    () => {
      const box = container();
      box.do("create");

      box.do("pause");
      expect(box.state().status).toBe("paused");
      expectRefusal(box.attempt("start"), "cannot start a container in the paused state");
      box.do("resume");
      box.do("start");

      expect(box.report().pid).toBe(1);
    },
    ["freezer"],
  );

  shows(
    "peers",
    "a paused container is killed, and deleted by force",
    () => {
      const [killed, deleted] = [running(), running()];
      killed.do("pause");
      deleted.do("pause");

      expect(killed.kill("KILL").status).toBe(0);
      killed.waitUntilStopped();
      deleted.do("delete", ["--force"]);

      expect(deleted.leftovers()).toEqual([]);
    },
    ["freezer", "static busybox"],
  );
});
