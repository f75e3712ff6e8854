import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import { pretendMounted } from "../support/pretend";
import { expectRefusal, type Outcome } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/**
 * Directories that stand for a resctrl file system. The kernel would fill a new one with files: here a hook
 * does, and the test empties it again, as a directory with files cannot be removed.
 */
class PretendedResctrl {
  readonly root: string;

  constructor(private readonly box: Container) {
    this.root = join(box.dir, "resctrl");
    mkdirSync(this.root);
    this.fill(this.root);
  }

  fill(dir: string): void {
    mkdirSync(join(dir, "mon_groups"), { recursive: true });
    writeFileSync(join(dir, "tasks"), "");
    writeFileSync(join(dir, "schemata"), "    L3:0=00ff\n    MB:0=100\n");
  }

  /** The hook that does the kernel's part. */
  fillBy(dir: string): void {
    const hook = this.box.script("fill", `: > "${join(dir, "tasks")}"`);
    this.box.config.hooks = { createRuntime: [{ path: hook }] };
    this.box.writeConfig();
  }

  create(): Outcome {
    const scratch = join(this.box.dir, "mountinfo");
    const through = pretendMounted("resctrl", this.root, scratch);
    return this.box.attempt("create", [], { through });
  }

  tasks(dir: string): number {
    return Number(readFileSync(join(dir, "tasks"), "utf8"));
  }
}

rootSuite("cgroups: Intel RDT", () => {
  const container = useContainers();

  function withRdt(intelRdt: Record<string, unknown>) {
    const box = container((config) => {
      config.linux.intelRdt = intelRdt;
    });
    return { box, resctrl: new PretendedResctrl(box) };
  }

  shows(
    "config-linux.md#intelrdt",
    "it is refused where no resctrl file system is mounted",
    () => {
      const box = container((config) => {
        config.linux.intelRdt = { closID: "some" };
      });

      expectRefusal(box.attempt("create"), "intelRdt");

      expect(box.leftovers()).toEqual([]);
    },
    ["no resctrl"],
  );

  shows("config-linux.md#intelrdt", "without closID the class is the container's own", () => {
    const { box, resctrl } = withRdt({});
    const own = join(resctrl.root, box.id);
    resctrl.fillBy(own);

    expect(resctrl.create().stderr).toBe("");
    expect(resctrl.tasks(own)).toBe(box.state().pid);

    rmSync(join(own, "tasks"));
    box.do("delete", ["--force"]);
    expect(existsSync(own)).toBe(false);
  });

  shows(
    "config-linux.md#intelrdt",
    "a class that closID names is joined, and only the monitoring group is removed",
    () => {
      const { box, resctrl } = withRdt({ closID: "gold", enableMonitoring: true });
      const gold = join(resctrl.root, "gold");
      const monitor = join(gold, "mon_groups", box.id);
      resctrl.fill(gold);
      resctrl.fillBy(monitor);

      expect(resctrl.create().stderr).toBe("");
      expect([resctrl.tasks(gold), resctrl.tasks(monitor)]).toEqual(
        [gold, monitor].map(() => box.state().pid),
      );

      rmSync(join(monitor, "tasks"));
      box.do("delete", ["--force"]);
      expect([existsSync(gold), existsSync(monitor)]).toEqual([true, false]);
    },
  );

  shows("config-linux.md#intelrdt", "schemata that a class has already are taken", () => {
    const { box, resctrl } = withRdt({ closID: "gold", l3CacheSchema: "L3:0=FF" });
    const gold = join(resctrl.root, "gold");
    resctrl.fill(gold);

    expect(resctrl.create().stderr).toBe("");

    expect(resctrl.tasks(gold)).toBe(box.state().pid);
    expect(readFileSync(join(gold, "schemata"), "utf8")).toContain("L3:0=FF\n");
  });

  shows("config-linux.md#intelrdt", "other schemata than a class has are refused", () => {
    const { box, resctrl } = withRdt({ closID: "gold", memBwSchema: "MB:0=50" });
    const gold = join(resctrl.root, "gold");
    resctrl.fill(gold);

    expectRefusal(resctrl.create(), "intelRdt", "MB:0=50");

    expect(box.leftovers()).toEqual([]);
    expect(resctrl.tasks(gold)).toBe(0);
  });

  shows("config-linux.md#intelrdt", "a class without schemata has to be there", () => {
    const { box, resctrl } = withRdt({ closID: "gold" });

    expectRefusal(resctrl.create(), "intelRdt", "gold");

    expect(box.leftovers()).toEqual([]);
    expect(existsSync(join(resctrl.root, "gold"))).toBe(false);
  });

  shows("runtime.md#errors", "a create that fails takes its class back", () => {
    const { box, resctrl } = withRdt({ enableMonitoring: false });

    // Nobody fills it, so init cannot be written to its tasks.
    expectRefusal(resctrl.create(), "tasks", "ENOENT");

    expect(box.leftovers()).toEqual([]);
    expect(existsSync(join(resctrl.root, box.id))).toBe(false);
  });

  shows("runtime.md#errors", "delete --force removes the class of a create that was killed", () => {
    const { box, resctrl } = withRdt({});
    const own = join(resctrl.root, box.id);
    const record = join(box.stateRoot, box.id, "state.json");
    const creator = `tr -d '\\n' < "${record}" | sed 's/.*"creator": *{ *"pid": *\\([0-9]*\\).*/\\1/'`;
    const hook = box.script("die", `kill -KILL $(${creator})`);
    box.config.hooks = { createRuntime: [{ path: hook }] };
    box.writeConfig();

    expect(resctrl.create().status).not.toBe(0);
    expect(existsSync(own)).toBe(true);

    box.do("delete", ["--force"]);
    expect(existsSync(own)).toBe(false);
  });
});
