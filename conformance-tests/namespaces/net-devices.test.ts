import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withoutNamespace } from "../support/config";
import type { Container } from "../support/container";
import { parseReport } from "../support/container";
import type { Report } from "../support/report";
import { expectRefusal, type Outcome } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const clause = "config-linux.md#network-devices";
const needs = ["veth links"] as const;

/** Calls `run` from a network namespace that ends with it, in which `commands` have made interfaces. */
function runWith(box: Container, commands: string): Outcome {
  const script = `set -e; ${commands}; set +e; "$@"; end=$?; ip -o link show >${box.dir}/links; exit $end`;
  return box.attempt("run", [], { through: ["unshare", "--net", "sh", "-c", script, "sh"] });
}

function seeWith(box: Container, commands: string): Report {
  const outcome = runWith(box, commands);
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  return parseReport(outcome.stdout);
}

const pair = "ip link add veth-a type veth peer name veth-b; ip link set veth-b up";

rootSuite("namespaces: network devices", () => {
  const container = useContainers();

  shows(
    clause,
    "a device is moved, and up",
    () => {
      const box = container((config) => {
        config.linux.netDevices = { "veth-a": {} };
      });

      const names = seeWith(box, pair).interfaces.filter(({ name }) => name !== "lo");

      expect(names).toMatchObject([{ name: "veth-a", up: true }]);
    },
    needs,
  );

  shows(
    clause,
    "a device is moved under another name",
    () => {
      const box = container((config) => {
        config.linux.netDevices = { "veth-a": { name: "inside" } };
      });

      const names = seeWith(box, pair).interfaces.map(({ name }) => name);

      expect(names.sort()).toEqual(["inside", "lo"]);
    },
    needs,
  );

  shows(
    clause,
    "several devices are moved",
    () => {
      const box = container((config) => {
        config.linux.netDevices = { "veth-a": { name: "one" }, "veth-b": { name: "two" } };
      });

      const names = seeWith(box, pair).interfaces.map(({ name }) => name);

      expect(names.sort()).toEqual(["lo", "one", "two"]);
    },
    needs,
  );

  shows(
    clause,
    "a name that ends in %d is completed by the kernel",
    () => {
      const box = container((config) => {
        config.linux.netDevices = { "veth-a": { name: "eth%d" } };
      });

      const names = seeWith(box, pair).interfaces.map(({ name }) => name);

      expect(names.sort()).toEqual(["eth0", "lo"]);
    },
    needs,
  );

  shows(
    clause,
    "permanent global addresses, the MTU and the hardware address are kept",
    () => {
      const box = container((config) => {
        config.linux.netDevices = { "veth-a": {} };
      });
      const commands = [
        pair,
        "ip link set veth-a address 02:00:00:00:00:07 mtu 1400 up",
        "ip addr add 192.0.2.7/24 dev veth-a",
        "ip addr add 198.51.100.9/32 dev veth-a",
        "ip -6 addr add 2001:db8::7/64 dev veth-a nodad",
      ].join("; ");

      const moved = seeWith(box, commands).interfaces.find(({ name }) => name === "veth-a");

      expect(moved).toMatchObject({ mtu: 1400, hardwareAddress: "02:00:00:00:00:07", up: true });
      expect(moved?.addresses).toEqual(
        expect.arrayContaining(["192.0.2.7/24", "198.51.100.9/32", "2001:db8::7/64"]),
      );
    },
    needs,
  );

  shows(
    clause,
    "addresses that are not permanent are not kept",
    () => {
      const box = container((config) => {
        config.linux.netDevices = { "veth-a": {} };
      });
      const commands = `${pair}; ip link set veth-a up; ip addr add 192.0.2.8/24 dev veth-a valid_lft 60 preferred_lft 60`;

      const moved = seeWith(box, commands).interfaces.find(({ name }) => name === "veth-a");

      expect(moved?.addresses).not.toContain("192.0.2.8/24");
    },
    needs,
  );

  shows(
    clause,
    "a device that is not there is refused",
    () => {
      const box = container((config) => {
        config.linux.netDevices = { "veth-z": {} };
      });

      expectRefusal(runWith(box, pair), "veth-z");

      expect(box.leftovers()).toEqual([]);
    },
    needs,
  );

  shows(
    clause,
    "a name that is taken in the container is refused",
    () => {
      const box = container((config) => {
        config.linux.netDevices = { "veth-a": { name: "lo" } };
      });

      expectRefusal(runWith(box, pair), "lo");

      expect(box.leftovers()).toEqual([]);
    },
    needs,
  );

  shows(
    clause,
    "without a network namespace of the container's it is refused",
    () => {
      const box = container((config) => {
        config.linux.netDevices = { "veth-a": {} };
        withoutNamespace(config, "network");
      });

      expectRefusal(runWith(box, pair), /netDevices|network namespace/);

      expect(box.leftovers()).toEqual([]);
    },
    needs,
  );

  shows(
    clause,
    "with the runtime's own network namespace it is refused, and no device is changed",
    () => {
      const box = container((config) => {
        config.linux.netDevices = { "veth-a": { name: "inside" } };
        withoutNamespace(config, "network");
        config.linux.namespaces.push({ type: "network", path: "/proc/self/ns/net" });
      });

      expectRefusal(runWith(box, pair), "has the network namespace of the runtime");

      expect(readFileSync(join(box.dir, "links"), "utf8")).toContain("veth-a");
      expect(box.leftovers()).toEqual([]);
    },
    needs,
  );

  for (const name of ["", "a/b", "a b", "a%b", ".", "..", "sixteen-letters-"]) {
    shows(
      clause,
      `the name ${JSON.stringify(name)} is refused`,
      () => {
        const box = container((config) => {
          config.linux.netDevices = { "veth-a": { name } };
        });
        if (name === "") box.config.linux.netDevices = { "": {} };
        box.writeConfig();

        expectRefusal(runWith(box, pair));

        expect(readFileSync(join(box.dir, "links"), "utf8")).toContain("veth-a");
        expect(box.leftovers()).toEqual([]);
      },
      needs,
    );
  }
});
