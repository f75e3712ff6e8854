import { Any } from "../generated/shim/any";
import { Options } from "../generated/shim/options";
import { RuntimeInfo } from "../generated/shim/types";
import { features } from "../spec/features";
import { build } from "../version";
import { pack } from "./any";
import { describeShim } from "./info";

const describe = (input: Uint8Array) => RuntimeInfo.decode(describeShim(input));

test("it says what containerd calls it, and its version", () => {
  const info = describe(new Uint8Array());

  expect(info.name).toBe("io.containerd.tsoci.v2");
  expect(info.version?.version).toBe(build.version);
  expect(info.options).toBeUndefined();
  expect(info.annotations).toEqual({});
});

test("features are those that the command prints, in JSON", () => {
  const { features: packed } = describe(new Uint8Array());

  expect(packed?.typeUrl).toBe(
    "types.containerd.io/opencontainers/runtime-spec/1/features/Features",
  );
  const json = JSON.parse(Buffer.from(packed?.value ?? []).toString());
  expect(json).toEqual(JSON.parse(JSON.stringify(features(build))));
  // containerd asks for this before it maps the ids of a mount.
  expect(json.linux.mountExtensions.idmap.enabled).toBe(true);
});

test("options are given back as they were", () => {
  const options = pack(Options, {
    ...Options.decode(new Uint8Array()),
    root: "/r",
    systemdCgroup: true,
  });

  const info = describe(Any.encode(options).finish());

  expect(info.options && Options.decode(info.options.value)).toMatchObject({
    root: "/r",
    systemdCgroup: true,
  });
  expect(info.options?.typeUrl).toBe("containerd.runc.v1.Options");
});

test("input that is no message is refused", () => {
  expect(() => describeShim(Buffer.from("not one"))).toThrow(
    "standard input has 7 bytes, expected nothing or options",
  );
});
