import { networkLocks } from "../../checkpoint/criu-options";
import { checkpointContainer } from "../../lifecycle/checkpoint";
import type { CheckpointRequest } from "../../lifecycle/requests";
import { defineCommand, oneId } from "../define-command";
import { quoted } from "../quoted";
import { UsageError } from "../usage-error";
import { checkedId } from "../values";
import { criuFlags, criuSettings } from "./criu-flags";

export const checkpoint = defineCommand({
  ...oneId,
  summary: "write a running container to disk",
  description:
    "CRIU writes the container's processes to images, from which restore makes a container again. Then the container is deleted, unless it is left running.",
  flags: [
    ...criuFlags,
    { name: "leave-running", kind: "boolean", help: "let the container go on afterwards" },
    {
      name: "pre-dump",
      kind: "boolean",
      help: "write only memory, and let the container go on: a later checkpoint takes less time by it",
    },
    {
      name: "parent-path",
      kind: "string",
      placeholder: "dir",
      help: "directory of an earlier pre-dump, from --image-path on",
    },
    {
      name: "lazy-pages",
      kind: "boolean",
      help: "leave memory where it is, for a page server to hand out",
    },
    {
      name: "page-server",
      kind: "string",
      placeholder: "address:port",
      help: "where the page server is, or with --lazy-pages is to be",
    },
    {
      name: "status-fd",
      kind: "count",
      placeholder: "fd",
      help: "descriptor of the caller that hears when the page server is ready",
    },
    {
      name: "tcp-skip-in-flight",
      kind: "boolean",
      help: "leave out TCP connections that are not accepted yet",
    },
    {
      name: "link-remap",
      kind: "boolean",
      help: "allow files that were removed and are still open: they are linked meanwhile",
    },
    {
      name: "network-lock",
      kind: "string",
      placeholder: "method",
      choices: Object.keys(networkLocks),
      help: "what keeps packets away meanwhile",
    },
  ],
  read(values, [id], surroundings): CheckpointRequest {
    const lock = values.text("network-lock") as keyof typeof networkLocks | undefined;
    const parent = values.text("parent-path");
    const server = values.text("page-server");
    const status = values.text("status-fd");
    return {
      id: checkedId(id),
      ...criuSettings(values, surroundings),
      leaveRunning: values.isSet("leave-running"),
      preDump: values.isSet("pre-dump"),
      ...(parent ? { parentPath: parent } : {}),
      ...(server ? { pageServer: pageServerOf(server) } : {}),
      ...(status === undefined ? {} : { statusFd: Number(status) }),
      tcpSkipInFlight: values.isSet("tcp-skip-in-flight"),
      linkRemap: values.isSet("link-remap"),
      ...(lock === undefined ? {} : { networkLock: lock }),
    };
  },
  run(request, { runtime }) {
    checkpointContainer(runtime, request);
    return 0;
  },
});

const highestPort = 65535;

/** An IPv6 address stands in brackets, or is told from the port by the last colon. */
function pageServerOf(given: string): { readonly address: string; readonly port: number } {
  const colon = given.lastIndexOf(":");
  const address = given.slice(0, Math.max(0, colon)).replace(/^\[(.*)\]$/, "$1");
  const digits = given.slice(colon + 1);
  const port = Number(digits);
  if (address !== "" && /^\d+$/.test(digits) && port > 0 && port <= highestPort)
    return { address, port };
  throw new UsageError(
    `invalid value ${quoted(given)} for flag -page-server: expected "address:port"`,
  );
}
