import { helpFlag } from "./flag";
import { flagsWithoutEffect, parseSize, readResourceFlags, resourceFlags } from "./resource-flags";
import { scanFlags } from "./scan";
import { UsageError } from "./usage-error";

const scan = (...args: string[]) =>
  scanFlags(args, [...resourceFlags, helpFlag], {
    flagsAnywhere: true,
    fail: (message) => new UsageError(message),
  }).values;
const read = (...args: string[]) => readResourceFlags(scan(...args));

describe("sizes", () => {
  test.each([
    ["0", 0],
    ["2048", 2048],
    ["50M", 52428800],
    ["50m", 52428800],
    ["1.5g", 1610612736],
    ["2 GiB", 2147483648],
    ["3kb", 3072],
    ["1b", 1],
    ["8192P", 2n ** 63n],
    ["-1", -1],
  ])("%s is %s bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(["", "M", "1x", "-2", "1.M", ".5M", "1 MM", "1e3", "0x10"])('"%s" is none', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});

describe("flags of resources", () => {
  test("become the properties that they stand for, and nothing else", () => {
    expect(
      read(
        ...["--memory", "64M", "--memory-swap=-1", "--memory-reservation=1024"],
        ...["--cpu-period=50000", "--cpu-quota=-1", "--cpu-burst=0", "--cpu-share=512"],
        ...["--cpu-rt-period=1000", "--cpu-rt-runtime=500", "--cpu-idle=1"],
        ...["--cpuset-cpus=0-1", "--cpuset-mems=0", "--pids-limit=0", "--blkio-weight=300"],
      ),
    ).toEqual({
      memory: { limit: 67108864, swap: -1, reservation: 1024 },
      cpu: {
        period: 50000,
        quota: -1,
        burst: 0,
        shares: 512,
        realtimePeriod: 1000,
        realtimeRuntime: 500,
        idle: 1,
        cpus: "0-1",
        mems: "0",
      },
      pids: { limit: 0 },
      blockIO: { weight: 300 },
    });
    expect(read()).toEqual({});
    expect(read("--memory=")).toEqual({});
  });

  test.each([
    [["--memory=lots"], 'invalid value for memory: "lots", expected a size such as "64M", or "-1"'],
    [["--cpu-period=-1"], 'invalid value for cpu-period: "-1", expected a number from 0 on'],
    [["--cpu-idle=yes"], 'invalid value for cpu-idle: "yes", expected a whole number'],
    [["--pids-limit=1.5"], 'invalid value for pids-limit: "1.5", expected a whole number'],
  ])("%j is refused", (args, message) => {
    expect(() => read(...args)).toThrow(new UsageError(message));
  });

  test("a number of 64 bits stays exact", () => {
    expect(read("--cpu-period=18446744073709551615")).toEqual({
      cpu: { period: 18446744073709551615n },
    });
  });

  test("those of the kernel's own memory are told, and change nothing", () => {
    const values = scan("--kernel-memory=50M", "--memory=1");
    expect(flagsWithoutEffect(values)).toEqual(["kernel-memory"]);
    expect(readResourceFlags(values)).toEqual({ memory: { limit: 1 } });
    expect(() => flagsWithoutEffect(scan("--kernel-memory-tcp=x"))).toThrow(UsageError);
  });
});
