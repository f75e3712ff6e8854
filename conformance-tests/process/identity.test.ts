import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capabilitySets, processOf } from "../support/config";
import { launchTool } from "../support/environment";
import { capabilityMask } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const number = {
  CAP_CHOWN: 0,
  CAP_KILL: 5,
  CAP_SETUID: 7,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_RAW: 13,
};

rootSuite("process: who it is", () => {
  const container = useContainers();

  shows(
    "config.md#posix-platform-user",
    "the program has the ids of the config, in every place",
    () => {
      const box = container((config) => {
        processOf(config).user = { uid: 1234, gid: 2345, additionalGids: [7, 5, 100000] };
      });

      const seen = box.see();

      expect(seen.uids).toEqual([1234, 1234, 1234, 1234]);
      expect(seen.gids).toEqual([2345, 2345, 2345, 2345]);
      expect(seen.groups.sort((a, b) => a - b)).toEqual([5, 7, 100000]);
    },
  );

  shows("CVE-2023-25173", "without additionalGids there are no supplementary groups", () => {
    const box = container((config) => {
      processOf(config).user = { uid: 1, gid: 1 };
    });
    const withGroups = ["setpriv", "--groups=11,12"];

    expect(box.see([], { through: withGroups }).groups).toEqual([]);
  });

  shows("CVE-2016-3697", "a uid is a number, whatever the image's passwd says", () => {
    const box = container((config, { rootfsDir }) => {
      writeFileSync(join(rootfsDir, "etc/passwd"), "1000:x:0:0:root:/root:/bin/sh\n");
      writeFileSync(join(rootfsDir, "etc/group"), "1000:x:0:\n");
      processOf(config).user = { uid: 1000, gid: 1000 };
    });

    expect(box.see()).toMatchObject({
      uids: [1000, 1000, 1000, 1000],
      gids: [1000, 1000, 1000, 1000],
    });
  });

  for (const value of [-1, 4294967295, 4294967296, 1.5, "0"]) {
    shows("CVE-2024-40635", `the uid ${JSON.stringify(value)} is refused`, () => {
      for (const property of ["uid", "gid"]) {
        const box = container((config) => {
          processOf(config).user = { uid: 0, gid: 0, [property]: value } as never;
        });

        expectRefusal(box.attempt("create"), property);

        expect(box.leftovers()).toEqual([]);
      }
    });
  }

  shows("config.md#posix-platform-user", "the umask is that of the config", () => {
    for (const umask of [0, 0o027, 0o777]) {
      const box = container((config) => {
        processOf(config).user.umask = umask;
      });

      expect(box.see().umask).toBe(umask);
    }
  });

  shows("config.md#posix-platform-user", "without a umask that of the caller stays", () => {
    const box = container();

    const seen = box.see([], { through: [launchTool, "--umask", "037", "--"] });

    expect(seen.umask).toBe(0o037);
  });

  shows("config.md#linux-process", "each capability set is that of the config", () => {
    const box = container((config) => {
      processOf(config).capabilities = {
        bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_NET_RAW"],
        permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"],
        inheritable: ["CAP_CHOWN", "CAP_KILL"],
        effective: ["CAP_KILL"],
        ambient: ["CAP_CHOWN"],
      };
      processOf(config).user = { uid: 1000, gid: 1000 };
    });

    const { capabilities } = box.see();

    // After execve a user's permitted and effective sets are the ambient set: capabilities(7).
    expect(capabilities).toEqual({
      bounding: capabilityMask([
        number.CAP_CHOWN,
        number.CAP_KILL,
        number.CAP_SETUID,
        number.CAP_NET_RAW,
      ]),
      inheritable: capabilityMask([number.CAP_CHOWN, number.CAP_KILL]),
      permitted: capabilityMask([number.CAP_CHOWN]),
      effective: capabilityMask([number.CAP_CHOWN]),
      ambient: capabilityMask([number.CAP_CHOWN]),
    });
  });

  shows(
    "config.md#linux-process",
    "root's program gets the bounding set, and no ambient or inheritable one",
    () => {
      const names = ["CAP_KILL", "CAP_NET_BIND_SERVICE"];
      const box = container((config) => {
        processOf(config).capabilities = { bounding: names, permitted: names, effective: names };
      });
      const mask = capabilityMask([number.CAP_KILL, number.CAP_NET_BIND_SERVICE]);

      expect(box.see().capabilities).toEqual({
        bounding: mask,
        permitted: mask,
        effective: mask,
        inheritable: "0",
        ambient: "0",
      });
    },
  );

  shows("CVE-2016-8867", "a user has no capabilities but ambient ones", () => {
    const box = container((config) => {
      processOf(config).user = { uid: 1000, gid: 1000 };
    });

    expect(box.see().capabilities).toMatchObject({ effective: "0", permitted: "0", ambient: "0" });
  });

  shows("CVE-2022-29162", "inheritable capabilities are only those of the config", () => {
    const box = container((config) => {
      const names = Object.keys(number);
      processOf(config).capabilities = { bounding: names, permitted: names, effective: names };
    });

    expect(box.see().capabilities.inheritable).toBe("0");
  });

  shows("config.md#linux-process", "without capabilities the program has none", () => {
    for (const empty of [true, false]) {
      const box = container((config) => {
        if (empty) processOf(config).capabilities = {};
        else delete processOf(config).capabilities;
      });

      const { capabilities } = box.see();

      for (const set of capabilitySets)
        expect({ set, mask: capabilities[set] }).toEqual({ set, mask: "0" });
    }
  });

  shows("config.md#linux-process", "a capability that nobody knows is a warning", () => {
    const box = container((config) => {
      const names = ["CAP_KILL", "CAP_UNKNOWN", "UNKNOWN_CAP"];
      processOf(config).capabilities = { bounding: names, permitted: names, effective: names };
    });

    expect(box.see().capabilities.bounding).toBe(capabilityMask([number.CAP_KILL]));
  });

  shows(
    "config.md#linux-process",
    "ambient capabilities let a user run what only they allow",
    () => {
      const box = container((config, { rootfsDir }) => {
        mkdirSync(join(rootfsDir, "closed"));
        chmodSync(join(rootfsDir, "closed"), 0o700);
        writeFileSync(join(rootfsDir, "closed/file"), "secret");
        chownSync(join(rootfsDir, "closed"), 0, 0);
        const names = ["CAP_DAC_OVERRIDE"];
        processOf(config).user = { uid: 1000, gid: 1000 };
        processOf(config).capabilities = {
          bounding: names,
          permitted: names,
          effective: names,
          inheritable: names,
          ambient: names,
        };
      });
      box.probe("--read", "/closed/file");

      expect(box.see().tries[0]).toMatchObject({ error: "", content: "secret" });
    },
  );

  shows(
    "config.md#linux-process",
    "noNewPrivileges is set when the config says so, and only then",
    () => {
      for (const value of [true, false]) {
        const box = container((config) => {
          processOf(config).noNewPrivileges = value;
        });

        expect(box.see().noNewPrivileges).toBe(value);
      }
    },
  );

  shows("runtime-linux.md", "the program is a leader of its own session and process group", () => {
    expect(container().see()).toMatchObject({ processGroup: 1, session: 1 });
  });

  shows(
    "runtime-linux.md",
    "the program has a session keyring of its own, unless --no-new-keyring",
    () => {
      const box = container();
      const own = box.see().keyring;
      const inherited = box.see(["--no-new-keyring"]).keyring;

      expect(own.description).toContain(`_ses.${box.id}`);
      expect(inherited.description).not.toContain(`_ses.${box.id}`);
      expect(inherited.id).not.toBe(own.id);
    },
  );

  shows("config.md#linux-process", "no parent death signal is left", () => {
    expect(container().see().parentDeathSignal).toBe(0);
  });

  shows(
    "config.md#linux-process",
    "the program is dumpable again, as any program after execve",
    () => {
      expect(container().see().dumpable).toBe(true);
    },
  );
});
