import { defineCommand, nothing } from "../define-command";
import { against } from "../values";
import { writeSpec } from "../write-spec";
import { bundleFlag } from "./creation";

export const spec = defineCommand({
  ...nothing,
  summary: "write a config.json to start from",
  description:
    'Writes a config.json that runs "sh" with a terminal in "rootfs". A config.json that exists is not replaced.',
  flags: [
    bundleFlag,
    {
      name: "rootless",
      kind: "boolean",
      help: "write one that the calling user can run without privileges",
    },
  ],
  read: (values, _positionals, surroundings) => ({
    bundleDir: against(surroundings, values.text("bundle") ?? "."),
    rootless: values.isSet("rootless"),
  }),
  run(request) {
    const ids = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    writeSpec({ ...request, ...ids });
    return 0;
  },
});
