import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isTsoci } from "../support/environment";
import { readMounts } from "../support/host";
import { asOrdinaryUser, giveTo, ordinaryId, unprivileged } from "../support/ordinary-user";
import { isolated } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { badFiles } from "./bad-files";
import { mistakesIn } from "./refused";

rootSuite("bad input: config.json", () => {
  const container = useContainers();

  for (const { what, make, says } of badFiles) {
    shows("glossary.md#json", `${what} as config.json is refused at once`, () => {
      const box = container();
      const path = join(box.bundleDir, "config.json");
      rmSync(path);
      make(path, JSON.stringify(box.config));
      const mounts = readMounts();

      const outcome = box.attempt("create", [], { timeoutMs: 10_000, through: isolated });

      expect(mistakesIn(outcome, { says })).toEqual([]);
      if (isTsoci) expect(outcome.stderr).toContain("config.json");
      expect(box.leftovers()).toEqual([]);
      expect(readMounts()).toEqual(mounts);
    });
  }

  if (!isTsoci) return;

  shows(
    "bundle.md#container-format",
    "a config.json that the caller may not read is refused",
    () => {
      const box = container((config) => unprivileged(config, { uid: ordinaryId, gid: ordinaryId }));
      giveTo(box);
      chmodSync(join(box.bundleDir, "config.json"), 0);

      const outcome = box.attempt("create", [], asOrdinaryUser());

      expect(mistakesIn(outcome, { says: /config\.json.*permission denied \(EACCES\)/ })).toEqual(
        [],
      );
      expect(box.leftovers()).toEqual([]);
    },
  );
});
