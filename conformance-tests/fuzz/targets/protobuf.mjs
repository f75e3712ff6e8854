// Messages of containerd and CRIU, and what is read out of them: any bytes are a message or are refused, and what
// was read is written so that it is read again as the same.
import { readdirSync } from "node:fs";
import { assertSame, builtIn, load, mayRefuse } from "../driver.mjs";

const { readStartRequest } = load("shim/start-request");
const { readOptions, readCheckpointOptions } = load("shim/runtime-options");

/** Every kind of message that is generated. */
const types = readdirSync(builtIn("generated/shim"))
  .filter((file) => file.endsWith(".js"))
  .flatMap((file) => Object.values(load(`generated/shim/${file.slice(0, -".js".length)}`)))
  .filter((type) => typeof type?.decode === "function");

const args = { action: "start", id: "c1", namespace: "n", grpcAddress: "", publishBinary: "" };

function showStart(bytes) {
  const request = mayRefuse(() => readStartRequest(args, () => undefined, bytes));
  for (const options of [
    request?.options ?? [],
    [{ typeUrl: "containerd.runc.v1.Options", value: bytes }],
  ]) {
    mayRefuse(() => readOptions(options, () => {}));
    mayRefuse(() => readCheckpointOptions(options[0]));
  }
}

function decoded(type, bytes) {
  try {
    return type.decode(bytes);
  } catch (error) {
    // What the caller of every decoder turns into a refusal.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function check(bytes) {
  if (bytes.length === 0) return;
  const type = types[bytes[0] % types.length];
  const rest = new Uint8Array(bytes.subarray(1));
  const message = decoded(type, rest);
  if (message !== undefined) {
    const again = type.encode(message).finish();
    assertSame(type.$type, type.encode(type.decode(again)).finish(), again);
  }
  showStart(rest);
}

export const target = {
  check,
  words: [
    ...[
      "\n\x02c1",
      "\x12\x01n",
      "\x08\x01",
      "\x10\xff\xff\xff\xff\x0f",
      "\x1a\0",
      "\x0b\x0c",
      "\xff\xff",
    ],
    ...[
      "containerd.runc.v1.Options",
      "runtimeoptions.v1.Options",
      "\x0a",
      "\x12",
      "\x18",
      "\x2a\x02",
    ],
  ],
  seeds: () =>
    types.map((type, index) =>
      Buffer.of(index, ...type.encode(type.decode(new Uint8Array())).finish(), 10, 1, 65),
    ),
};
