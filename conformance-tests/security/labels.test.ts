import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { scratchDir } from "../support/environment";
import { pretendAppArmor, pretendMounted } from "../support/pretend";
import { tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const current = "/proc/self/attr/current";
const fileLabel = "system_u:object_r:container_file_t:s0:c4,c5";
const processLabel = "system_u:system_r:container_t:s0:c4,c5";

rootSuite("security: labels", () => {
  const container = useContainers();

  shows(
    "config.md#linux-process",
    "an AppArmor profile is refused where AppArmor is off",
    () => {
      const box = container((config) => {
        processOf(config).apparmorProfile = "some";
      });

      expectRefusal(box.attempt("create"), "apparmor");

      expect(box.leftovers()).toEqual([]);
    },
    ["no AppArmor"],
  );

  shows(
    "config.md#linux-process",
    "an SELinux label of the process is refused where SELinux is off",
    () => {
      const box = container((config) => {
        processOf(config).selinuxLabel = processLabel;
      });

      expectRefusal(box.attempt("create"), /selinux/i);

      expect(box.leftovers()).toEqual([]);
    },
    ["no SELinux"],
  );

  shows(
    "config-linux.md#mount-label",
    "where SELinux is off a mount label is left out, and said to be",
    () => {
      const box = container((config) => {
        config.linux.mountLabel = fileLabel;
      });
      box.probe();

      const seen = box.see();

      expect(seen.mounts.filter(({ superOptions }) => superOptions.includes("context="))).toEqual(
        [],
      );
      expect(box.errors()).toContain("mountLabel");
    },
    ["no SELinux"],
  );

  for (const [name, label] of Object.entries({
    "a quote": 'a:b:c",size=1m,x="',
    "a backslash": "a:b:c\\",
    "a line": "a:b:c\nd",
  })) {
    shows("config-linux.md#mount-label", `a mount label with ${name} in it is refused`, () => {
      const box = container((config) => {
        config.linux.mountLabel = label;
      });

      expectRefusal(box.attempt("create"), "mountLabel");

      expect(box.leftovers()).toEqual([]);
    });
  }

  shows(
    "CVE-2019-16884",
    "a label that the kernel does not take fails create, and nothing is left",
    () => {
      const box = container((config) => {
        processOf(config).apparmorProfile = "some";
      });

      const outcome = box.attempt("create", [], { through: pretendAppArmor() });

      expectRefusal(outcome, "unable to apply apparmor profile", '"exec some"', "EINVAL");
      expect(box.leftovers()).toEqual([]);
    },
    ["no AppArmor", "no SELinux"],
  );

  shows(
    "CVE-2025-52881",
    "a label goes to the kernel, whatever a hook has laid over /proc",
    () => {
      const box = container((config) => {
        processOf(config).apparmorProfile = "some";
      });
      const covered = coverAttributes(box);

      const outcome = box.attempt("create", [], { through: pretendAppArmor() });

      expectRefusal(outcome, "unable to apply apparmor profile", "EINVAL");
      expect(covered.map((file) => readFileSync(file, "utf8"))).toEqual(["", ""]);
    },
    ["no AppArmor", "no SELinux"],
  );

  const selinux: Record<string, { edit: (box: Container) => void; words: string[] }> = {
    "the session keyring": {
      edit: ({ config }) => {
        processOf(config).selinuxLabel = processLabel;
      },
      words: ["keycreate", processLabel],
    },
    "a tmpfs": {
      edit: ({ config }) => {
        config.linux.mountLabel = fileLabel;
      },
      words: ["context"],
    },
    "a message queue": {
      edit: ({ config }) => {
        config.linux.mountLabel = fileLabel;
        config.mounts = config.mounts.filter(({ type }) => type === "proc" || type === "mqueue");
      },
      words: ["security.selinux", fileLabel],
    },
  };
  for (const [what, { edit, words }] of Object.entries(selinux)) {
    shows(
      "config-linux.md#mount-label",
      `an SELinux label of ${what} is the kernel's to take or refuse`,
      () => {
        const box = container((_, made) => edit(made));
        const scratch = join(box.dir, "mountinfo");
        const through = pretendMounted("selinuxfs", "/sys/fs/selinux", scratch);

        expectRefusal(box.attempt("create", [], { through }), ...words);

        expect(box.leftovers()).toEqual([]);
      },
      ["no SELinux"],
    );
  }
});

rootSuite("security: AppArmor", () => {
  const container = useContainers();
  const profile = `tsoci-test-${process.pid}`;
  let isLoaded = false;

  afterEach(() => {
    if (isLoaded) loadProfile(profile, "--remove");
    isLoaded = false;
  });

  function confined(): Container {
    const box = container((config, { rootfsDir }) => {
      processOf(config).apparmorProfile = profile;
      writeFileSync(join(rootfsDir, "etc/denied"), "secret");
      writeFileSync(join(rootfsDir, "etc/allowed"), "open");
    });
    isLoaded = true;
    loadProfile(profile, "--replace");
    return box;
  }

  shows(
    "config.md#linux-process",
    "the program is confined by its AppArmor profile",
    () => {
      const box = confined();
      box.probe("--read", current, "--read", "/etc/denied", "--read", "/etc/allowed");

      const seen = box.see();

      expect(tried(seen, "read", current).content).toContain(profile);
      expect(tried(seen, "read", "/etc/denied").error).toBe("EACCES");
      expect(tried(seen, "read", "/etc/allowed").content).toBe("open");
    },
    ["AppArmor"],
  );

  shows(
    "config.md#linux-process",
    "the profile is the program's whatever user it is and without new privileges",
    () => {
      const box = confined();
      const program = processOf(box.config);
      program.user = { uid: 1000, gid: 1000 };
      program.noNewPrivileges = true;
      program.capabilities = {};
      box.probe("--read", current);

      expect(tried(box.see(), "read", current).content).toContain(profile);
    },
    ["AppArmor"],
  );

  shows(
    "peers",
    "a profile that is not loaded is reported by create",
    () => {
      const box = container((config) => {
        processOf(config).apparmorProfile = `${profile}-missing`;
      });

      expectRefusal(box.attempt("create"), "apparmor");

      expect(box.leftovers()).toEqual([]);
    },
    ["AppArmor"],
  );

  shows(
    "CVE-2025-52881",
    "a hook that covers /proc/self/attr does not keep the profile from the program",
    () => {
      const box = confined();
      coverAttributes(box);
      box.probe("--read", "/etc/denied");

      expect(tried(box.see(), "read", "/etc/denied").error).toBe("EACCES");
    },
    ["AppArmor"],
  );
});

/** A hook lays files of its own over those by which init labels the program; answers them. */
function coverAttributes(box: Container): string[] {
  const fake = join(box.dir, "fake");
  mkdirSync(join(fake, "apparmor"), { recursive: true });
  const files = ["exec", "apparmor/exec"].map((name) => join(fake, name));
  for (const file of files) writeFileSync(file, "");
  const cover = box.script("cover", `mount --bind "${fake}" "${box.rootfsDir}/proc/1/attr"`);
  box.config.hooks = { createContainer: [{ path: cover }] };
  box.writeConfig();
  return files;
}

/** Everything is allowed but one file, so that what is denied shows which profile it was. */
function loadProfile(name: string, action: "--replace" | "--remove"): void {
  // Outlives the container, whose directory goes before the profile does.
  const path = join(scratchDir(), "profile");
  const rules = ["file,", "capability,", "network,", "signal,", "unix,", "deny /etc/denied r,"];
  const flags = "flags=(attach_disconnected,mediate_deleted)";
  writeFileSync(path, `profile ${name} ${flags} {\n${rules.join("\n")}\n}\n`);
  const { status, stderr } = spawnSync("apparmor_parser", [action, "--skip-cache", path], {
    encoding: "utf8",
    timeout: 10_000,
  });
  if (status !== 0) throw new Error(`apparmor_parser ${action}: ${stderr}`);
}
