import type { CriuReq } from "../generated/criu-rpc";
import { criuCodec } from "./rpc";

const { encode, decode } = criuCodec();
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

test("a request has CRIU's numbers for its fields and words", () => {
  const request: CriuReq = {
    type: "RESTORE",
    opts: {
      imagesDirFd: 7,
      manageCgroupsMode: "STRICT",
      networkLock: "SKIP",
      extMnt: [{ key: "/a", val: "/b" }],
    },
    keepOpen: false,
  };

  // Field << 3 | wire type: 1 type, 2 opts; in it 1, 23, 34 and 64; 4 keep_open.
  expect(Buffer.from(encode(request)).toString("hex")).toBe(
    "0802" + "1213" + "0807" + "ba01080a022f6112022f62" + "900205" + "800403" + "2000",
  );
});

test("a notification is read with its name and process", () => {
  expect(decode(bytesOf("0806 1001 2a11 0a0c706f73742d726573746f7265 10d209"))).toEqual({
    type: "NOTIFY",
    success: true,
    notify: { script: "post-restore", pid: 1234 },
  });
});

test("a failure says its number and its words", () => {
  expect(decode(bytesOf("0801 1000 3811 4a026e6f"))).toEqual({
    type: "DUMP",
    success: false,
    crErrno: 17,
    crErrmsg: "no",
  });
});

test("fields that a newer CRIU may have are passed over", () => {
  expect(decode(bytesOf("080a 1001 5206 08041002 2001 f80701"))).toEqual({
    type: "VERSION",
    success: true,
    version: { majorNumber: 4, minorNumber: 2, sublevel: 1 },
  });
});

test("what is cut off is refused", () => {
  expect(() => decode(bytesOf("0806 1001 2a12 0a0c70"))).toThrow("index out of range");
  expect(() => decode(bytesOf("0806"))).toThrow("missing required");
});
