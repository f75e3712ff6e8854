import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import { patience, scratchDir } from "../support/environment";
import { isThorough, tellFigure } from "../support/figures.mjs";
import { cgroupDirs, isAlive } from "../support/host";
import { callRuntime, mustCall } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { atATime, mustCallBeside } from "./calls";

const total = isThorough ? 1_000 : 100;
const width = isThorough ? 100 : 20;
const alive = isThorough ? 100 : 20;

jest.setTimeout((isThorough ? 600_000 : 60_000) * patience);

rootSuite("many containers", () => {
  const container = useContainers();

  /** Bundles whose containers are in one state root, as a caller's are. */
  function boxesOf(count: number): { root: string; boxes: Container[] } {
    const root = join(scratchDir(), "many", "state");
    const boxes = Array.from({ length: count }, () => {
      const box = container();
      box.probe("--quiet", "--wait");
      return box;
    });
    return { root, boxes };
  }

  const create = (root: string, { bundleDir, id }: Container) =>
    mustCallBeside(["--root", root, "create", "--bundle", bundleDir, id]);
  const statuses = (root: string) => {
    const listed = JSON.parse(mustCall(["--root", root, "list", "--format", "json"]).stdout);
    return ((listed ?? []) as { id: string; status: string; pid: number }[]).sort((a, b) =>
      a.id < b.id ? -1 : 1,
    );
  };
  const left = (root: string, boxes: readonly Container[]) => [
    ...readdirSync(root).filter((name) => name !== "@seccomp"),
    ...boxes.flatMap(({ cgroupPath }) => cgroupDirs(cgroupPath)),
  ];

  shows("ours", "many are created, started and deleted at the same time", async () => {
    const { root, boxes } = boxesOf(total);

    await atATime(width, boxes, async (box) => {
      await create(root, box);
      await mustCallBeside(["--root", root, "start", box.id]);
      await mustCallBeside(["--root", root, "kill", box.id, "KILL"]);
      await mustCallBeside(["--root", root, "delete", "--force", box.id]);
    });

    expect(left(root, boxes)).toEqual([]);
    tellFigure("load", "containers created, started and deleted", total);
    tellFigure("load", "of them at the same time", width);
  });

  shows("ours", "many are alive at once, each is listed, and all go at once", async () => {
    const { root, boxes } = boxesOf(alive);
    const each = (...words: string[]) =>
      atATime(width, boxes, ({ id }) => {
        const [command = "", ...rest] = words;
        return mustCallBeside(["--root", root, command, ...rest, id]);
      });

    await atATime(width, boxes, (box) => create(root, box));
    await each("start");
    const listed = statuses(root);
    const ids = boxes.map(({ id }) => id).sort();
    expect(listed.map(({ id, status }) => [id, status])).toEqual(ids.map((id) => [id, "running"]));
    expect(listed.filter(({ pid }) => !isAlive(pid))).toEqual([]);

    // By delete alone, so that each of them has a process to end.
    await each("delete", "--force");

    expect(statuses(root)).toEqual([]);
    expect(listed.filter(({ pid }) => isAlive(pid))).toEqual([]);
    expect(left(root, boxes)).toEqual([]);
    expect(callRuntime(["--root", root, "state", ids[0] ?? ""]).status).toBe(1);
    tellFigure("load", "containers alive at once", alive);
  });
});
