import { chmodSync, closeSync, existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import { checkpoint, imageFlags, makeCounter, restore, withCriu } from "../support/criu";
import { callerEnvironment, isTsoci } from "../support/environment";
import { asOrdinaryUser, giveTo } from "../support/ordinary-user";
import { callRuntime, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const suite = isTsoci ? rootSuite : () => {};

suite("checkpoint: refusals", () => {
  const container = useContainers();

  function running() {
    const box = container();
    const counter = makeCounter(box);
    box.do("run", ["--detach"]);
    counter.waitUntilReady();
    return { box, counter };
  }

  /** Enough to be taken for a checkpoint. */
  function pretendImages(box: Container): string {
    const dir = join(box.dir, "images");
    mkdirSync(dir);
    writeFileSync(join(dir, "inventory.img"), "junk");
    writeFileSync(join(dir, "descriptors.json"), "[]");
    return dir;
  }

  /** A directory with a program of that name. */
  function pretend(dir: string, script: string): { env: NodeJS.ProcessEnv } {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "criu"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(dir, "criu"), 0o755);
    return { env: { ...callerEnvironment(), PATH: dir } };
  }

  shows("peers: checkpoint --help", "the help of both exits with 0: engines ask it", () => {
    for (const command of ["checkpoint", "restore"]) {
      const { status, stdout, stderr } = callRuntime([command, "--help"]);

      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain(`tsoci ${command} - `);
      expect(stdout).toContain("--image-path");
    }
  });

  shows("podman: restore", "--lsm-mount-context without its value is named: podman asks so", () => {
    expectRefusal(callRuntime(["restore", "--lsm-mount-context"]), "flag needs an argument");
  });

  shows("runc: checkpoint", "only a running container can be checkpointed", () => {
    const box = container();
    expectRefusal(checkpoint(box), "container does not exist");

    box.do("create");
    expectRefusal(checkpoint(box), "cannot checkpoint a container that is created");

    expect(existsSync(join(box.dir, "images"))).toBe(false);
  });

  shows("runc: checkpoint --parent-path", "a parent that is absolute or missing is named", () => {
    const { box } = running();

    expectRefusal(checkpoint(box, "--parent-path", box.dir), "--parent-path", "is absolute");
    expectRefusal(checkpoint(box, "--parent-path", "../missing"), "--parent-path", "no directory");
  });

  shows("runc: checkpoint", "what CRIU could not understand is refused before", () => {
    const { box } = running();

    expectRefusal(checkpoint(box, "--page-server", "nowhere"), 'expected "address:port"');
    expectRefusal(checkpoint(box, "--page-server", "::1:70000"), 'expected "address:port"');
    expectRefusal(checkpoint(box, "--manage-cgroups-mode", "loose"), '"soft" or "full"');
    expectRefusal(checkpoint(box, "--empty-ns", "pid"), 'expected "network"');
    expectRefusal(checkpoint(box, "--network-lock", "none"), '"iptables" or "nftables" or "skip"');
    expectRefusal(checkpoint(box, "--status-fd", "77"), "--status-fd: descriptor 77 is not open");
  });

  shows("peers: CRIU", "a machine without CRIU is told so, and the container goes on", () => {
    const { box, counter } = running();
    const empty = join(box.dir, "empty");
    mkdirSync(empty);

    const env = { ...callerEnvironment(), PATH: empty };
    const failed = box.attempt("checkpoint", imageFlags(box), { env });

    expectRefusal(failed, `there is no program "criu" in PATH ("${empty}")`);
    expect(counter.ask("one")).toBe("1 one");
  });

  shows("peers: CRIU", "a CRIU that ends without a word is no checkpoint", () => {
    const { box, counter } = running();

    const failed = box.attempt(
      "checkpoint",
      imageFlags(box),
      pretend(join(box.dir, "bin"), "exit 0"),
    );

    expectRefusal(failed, "criu ended without an answer");
    expect(counter.ask("one")).toBe("1 one");
  });

  shows("peers: CRIU", "a CRIU that is too old is named with its version", () => {
    const { box } = running();
    // VERSION, success, 3.15: https://criu.org/RPC.
    const answer = String.raw`printf '\010\012\020\001\122\004\010\003\020\017' >&3`;
    const old = pretend(join(box.dir, "bin"), `${answer}; read line <&3`);

    const failed = box.attempt("checkpoint", imageFlags(box), old);

    expectRefusal(failed, `"${join(box.dir, "bin", "criu")}" is CRIU 3.15, and 3.16 or later`);
  });

  shows("runc: restore", "a directory without a checkpoint is refused, and nothing is left", () => {
    const box = container();
    const dir = join(box.dir, "images");

    mkdirSync(dir);
    expectRefusal(restore(box, "--detach"), `"${dir}" holds no checkpoint`, "inventory.img");
    writeFileSync(join(dir, "inventory.img"), "junk");
    expectRefusal(restore(box, "--detach"), `"${dir}" holds no checkpoint`, "descriptors.json");
    writeFileSync(join(dir, "descriptors.json"), "{}");
    expectRefusal(restore(box, "--detach"), "is not a list of strings in JSON");

    expect(box.leftovers()).toEqual([]);
  });

  shows("runc: restore", "an id that is taken is refused, and its container goes on", () => {
    const { box, counter } = running();
    pretendImages(box);

    expectRefusal(restore(box, "--detach"), "container with given ID already exists");

    expect(counter.ask("one")).toBe("1 one");
  });

  shows(
    "runc: restore",
    "images that CRIU cannot read are its complaint, and nothing is left",
    () => {
      const box = container();
      pretendImages(box);

      const failed = restore(box, "--detach");

      expectRefusal(failed, `restore "${box.id}": criu restore: `, "inventory");
      expect(failed.stderr).toContain(join(box.dir, "work", "restore.log"));
      expect(box.leftovers()).toEqual([]);
    },
    ["CRIU"],
  );

  shows(
    "rules of tsoci: nothing is ignored",
    "what CRIU would restore as another is refused",
    () => {
      const cases = [
        { type: "cgroup", path: "/proc/self/ns/cgroup" },
        { type: "mount", path: "/proc/self/ns/mnt" },
      ];
      for (const joined of cases) {
        const box = container((config) => {
          config.linux.namespaces = config.linux.namespaces.filter(
            ({ type }) => type !== joined.type,
          );
          config.linux.namespaces.push(joined);
        });
        pretendImages(box);

        expectRefusal(restore(box, "--detach"), `CRIU restores into no ${joined.type} namespace`);
        expect(box.leftovers()).toEqual([]);
      }
    },
  );

  shows(
    "peers: CRIU",
    "an ordinary user is told that CRIU needs root",
    () => {
      const box = container();
      pretendImages(box);
      delete box.config.linux.cgroupsPath;
      delete box.config.linux.resources;
      box.writeConfig();
      giveTo(box);

      const flags = ["--detach", "--image-path", join(box.dir, "images")];
      const failed = box.attempt("restore", flags, { ...asOrdinaryUser() });

      expectRefusal(failed, /CRIU needs root, and the caller is uid \d+/);
    },
    ["an ordinary user's namespaces"],
  );

  shows(
    "runc: checkpoint --status-fd",
    "a status descriptor that is open is none to complain of",
    () => {
      const { box, counter } = running();
      const fd = openSync("/dev/null", "w");
      const flags = [...imageFlags(box), "--status-fd", "3", "--leave-running"];

      const outcome = box.attempt("checkpoint", flags, { ...withCriu(), fds: [fd] });

      closeSync(fd);
      expect({ status: outcome.status, stderr: outcome.stderr }).toEqual({ status: 0, stderr: "" });
      expect(counter.ask("one")).toBe("1 one");
    },
    ["CRIU"],
  );
});
