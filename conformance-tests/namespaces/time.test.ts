import { readFileSync } from "node:fs";
import { namespaceOf } from "../support/host";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

function uptimeSeconds(): number {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
}

rootSuite("namespaces: time", () => {
  const container = useContainers();

  shows(
    "config-linux.md#offset-for-time-namespace",
    "clocks have the offsets of the config",
    () => {
      const box = container((config) => {
        config.linux.namespaces.push({ type: "time" });
        config.linux.timeOffsets = {
          monotonic: { secs: 1_000_000 },
          boottime: { secs: 2_000_000, nanosecs: 500 },
        };
      });
      const before = uptimeSeconds();

      const { clocks } = box.see();

      expect(clocks.monotonic - before).toBeGreaterThanOrEqual(999_990);
      expect(clocks.monotonic - before).toBeLessThan(1_000_020);
      expect(clocks.boottime - before).toBeGreaterThanOrEqual(1_999_998);
      expect(clocks.boottime - before).toBeLessThan(2_000_020);
    },
  );

  shows("config-linux.md#offset-for-time-namespace", "an offset may be negative", () => {
    const box = container((config) => {
      config.linux.namespaces.push({ type: "time" });
      config.linux.timeOffsets = { boottime: { secs: -10 } };
    });
    const before = uptimeSeconds();

    const { clocks } = box.see();

    expect(clocks.boottime - before).toBeLessThan(0);
    expect(clocks.boottime - before).toBeGreaterThanOrEqual(-11);
  });

  shows(
    "config-linux.md#offset-for-time-namespace",
    "a joined time namespace keeps its offsets",
    () => {
      const holder = container((config) => {
        config.linux.namespaces.push({ type: "time" });
        config.linux.timeOffsets = { boottime: { secs: 5_000_000 } };
      });
      holder.probe("--wait");
      holder.do("create");
      const path = `/proc/${holder.state().pid}/ns/time`;
      const box = container((config) => config.linux.namespaces.push({ type: "time", path }));

      const seen = box.see();

      expect(seen.namespaces.time).toBe(namespaceOf(holder.state().pid, "time"));
      expect(seen.clocks.boottime).toBeGreaterThan(5_000_000);
    },
  );

  shows(
    "config-linux.md#offset-for-time-namespace",
    "offsets without a new time namespace are refused",
    () => {
      const box = container((config) => {
        config.linux.timeOffsets = { boottime: { secs: 1 } };
      });

      expectRefusal(box.attempt("create"), /timeOffsets|time namespace/);

      expect(box.leftovers()).toEqual([]);
    },
  );

  shows(
    "config-linux.md#offset-for-time-namespace",
    "offsets for a joined time namespace are refused",
    () => {
      const box = container((config) => {
        config.linux.namespaces.push({ type: "time", path: "/proc/self/ns/time" });
        config.linux.timeOffsets = { boottime: { secs: 1 } };
      });

      expectRefusal(box.attempt("create"), /timeOffsets|time namespace/);

      expect(box.leftovers()).toEqual([]);
    },
  );

  const wrong: Record<string, Record<string, { secs?: number; nanosecs?: number }>> = {
    "a clock that there is not": { realtime: { secs: 1 } },
    "a billion nanoseconds": { boottime: { nanosecs: 1_000_000_000 } },
    "an offset that turns the clock negative": { boottime: { secs: -1_000_000_000 } },
  };
  for (const [what, timeOffsets] of Object.entries(wrong)) {
    shows("config-linux.md#offset-for-time-namespace", `${what} is refused`, () => {
      const box = container((config) => {
        config.linux.namespaces.push({ type: "time" });
        config.linux.timeOffsets = timeOffsets;
      });

      expectRefusal(box.attempt("create"));

      expect(box.leftovers()).toEqual([]);
    });
  }
});
