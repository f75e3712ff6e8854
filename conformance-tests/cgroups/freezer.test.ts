import { countForEver, expectFreezing } from "../support/freezing";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("cgroups: the freezer", () => {
  const container = useContainers();

  shows(
    "peers",
    "all that a container runs stands still while its cgroup is frozen, and goes on when it is thawed",
    () => {
      const box = container();
      box.addBusybox();
      const counts = countForEver(box);
      box.do("create");
      box.do("start");

      expectFreezing(box, counts, box.cgroupPath);
    },
    ["freezer"],
  );
});
