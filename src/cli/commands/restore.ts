import type { RestoreRequest } from "../../lifecycle/requests";
import { restoreContainer } from "../../lifecycle/restore";
import { defineCommand, oneId } from "../define-command";
import { absolute, against, checkedId } from "../values";
import { bundleFlag } from "./creation";
import { criuFlags, criuSettings } from "./criu-flags";

export const restore = defineCommand({
  ...oneId,
  summary: "make a container of what checkpoint has written",
  description:
    "CRIU restores the processes into a container that is made from the bundle. Without --detach it exits as the program does, and deletes the container.",
  flags: [
    bundleFlag,
    ...criuFlags,
    {
      name: "detach",
      short: "d",
      kind: "boolean",
      help: "return once the processes are restored",
    },
    {
      name: "console-socket",
      kind: "string",
      placeholder: "socket",
      help: "AF_UNIX socket that receives the master of the container's terminal; a relative path starts at the bundle",
    },
    {
      name: "pid-file",
      kind: "string",
      placeholder: "file",
      help: "file to write init's process id to",
    },
    {
      name: "no-subreaper",
      kind: "boolean",
      help: "do not adopt the processes that the container leaves orphaned",
    },
    {
      name: "no-pivot",
      kind: "boolean",
      help: "for callers that pass it always: CRIU enters the rootfs in its own way",
      hidden: true,
    },
    {
      name: "lazy-pages",
      kind: "boolean",
      help: "fetch memory when it is first needed, by a lazy-pages daemon of CRIU",
    },
    {
      name: "lsm-profile",
      kind: "string",
      placeholder: "type:name",
      help: 'profile or label to restore with, such as "apparmor:name", instead of the one that was',
    },
    {
      name: "lsm-mount-context",
      kind: "string",
      placeholder: "label",
      help: "SELinux label for the restored mounts instead of the one that was",
    },
  ],
  read(values, [id], surroundings): RestoreRequest {
    const bundleDir = against(surroundings, values.text("bundle") ?? ".");
    const profile = values.text("lsm-profile");
    const context = values.text("lsm-mount-context");
    return {
      id: checkedId(id),
      bundleDir,
      ...criuSettings(values, surroundings),
      ...absolute("consoleSocket", values.text("console-socket"), { cwd: bundleDir }),
      ...absolute("pidFile", values.text("pid-file"), surroundings),
      detach: values.isSet("detach"),
      subreaper: !values.isSet("no-subreaper"),
      pivot: true,
      newKeyring: true,
      preserveFds: 0,
      ...(profile ? { lsmProfile: profile } : {}),
      ...(context ? { lsmMountContext: context } : {}),
    };
  },
  run: (request, { runtime }) => restoreContainer(runtime, request),
});
