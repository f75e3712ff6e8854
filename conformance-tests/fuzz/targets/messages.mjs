// Messages of init, as the driver reads them.
import fc from "fast-check";
import { assertSame, load } from "../driver.mjs";

const { decodeMessage, encodeMessage } = load("launch/messages");
const { messageLayouts } = load("generated/messages");

function check(bytes) {
  try {
    decodeMessage(new Uint8Array(bytes));
  } catch (error) {
    // As it says of itself: whoever receives makes an error of it that names init.
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
  }
}

const fieldOf = {
  u32: fc.nat({ max: 0xffffffff }),
  string: fc.string({ maxLength: 40 }).filter((text) => !text.includes("\0")),
  bytes: fc.uint8Array({ maxLength: 40 }),
};

const message = fc.oneof(
  ...Object.entries(messageLayouts).map(([kind, { fields }]) =>
    fc.record({
      kind: fc.constant(kind),
      ...Object.fromEntries(fields.map(([name, type]) => [name, fieldOf[type]])),
    }),
  ),
);

export const target = {
  check,
  words: ["\x07\0\0\0", "\x06\0\0\0", "\x08\0\0\0", "\x01\0\0\0", "\xff\xff\xff\xff", "\0\0\0\0"],
  seeds: () => [
    Buffer.from(
      encodeMessage({ kind: "failure", step: 1, errnoNumber: 2, call: "open", detail: "x" }),
    ),
  ],
  values: message,
  checkValue: (value) => assertSame(value.kind, decodeMessage(encodeMessage(value)), value),
};
