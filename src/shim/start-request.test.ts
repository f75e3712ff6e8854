import { Any } from "../generated/shim/any";
import { BootstrapParams, LogLevel } from "../generated/shim/bootstrap";
import { Options } from "../generated/shim/options";
import { pack } from "./any";
import { readShimArguments } from "./arguments";
import { readStartRequest } from "./start-request";

const args = readShimArguments([
  ...["-namespace", "k8s.io", "-address", "/c.sock", "-publish-binary", "/bin/containerd"],
  ...["-id", "web", "start"],
]);
const environment = new Map([["TTRPC_ADDRESS", "/c.sock.ttrpc"]]);
const variable = (name: string) => environment.get(name);

const options = pack(Options, { ...Options.decode(new Uint8Array()), systemdCgroup: true });

const params: BootstrapParams = {
  instanceId: "web",
  namespace: "k8s.io",
  logLevel: LogLevel.INFO,
  containerdVersion: "2.3.0",
  containerdTtrpcAddress: "/p.sock.ttrpc",
  containerdGrpcAddress: "/p.sock",
  containerdBinary: "/opt/containerd",
  extensions: [{ value: options }],
};

const fromCommandLine = {
  id: "web",
  namespace: "k8s.io",
  grpcAddress: "/c.sock",
  ttrpcAddress: "/c.sock.ttrpc",
  publishBinary: "/bin/containerd",
  debug: false,
  options: [],
};

test("without any input the command line and the environment say it all", () => {
  expect(readStartRequest(args, variable, new Uint8Array())).toEqual(fromCommandLine);
});

test("options are read, as containerd before 2.3 writes them", () => {
  const input = Any.encode(options).finish();

  expect(readStartRequest(args, variable, input)).toEqual({
    ...fromCommandLine,
    options: [options],
  });
});

test("parameters are read, as containerd from 2.3 on writes them", () => {
  const input = BootstrapParams.encode(params).finish();

  expect(readStartRequest(args, variable, input)).toEqual({
    id: "web",
    namespace: "k8s.io",
    grpcAddress: "/p.sock",
    ttrpcAddress: "/p.sock.ttrpc",
    publishBinary: "/opt/containerd",
    debug: false,
    options: [options],
  });
});

test.each([
  [LogLevel.TRACE, true],
  [LogLevel.DEBUG, true],
  [LogLevel.INFO, false],
  [LogLevel.ERROR, false],
])("log level %d: debug is %s", (logLevel, debug) => {
  const input = BootstrapParams.encode({ ...params, logLevel }).finish();

  expect(readStartRequest(args, variable, input).debug).toBe(debug);
});

test("parameters of another container are not taken for ours", () => {
  const input = BootstrapParams.encode({ ...params, instanceId: "db" }).finish();

  expect(readStartRequest(args, variable, input).options).toHaveLength(1);
});

test("input that is no message is refused", () => {
  expect(() => readStartRequest(args, variable, Buffer.from("not one"))).toThrow(
    "standard input has 7 bytes, expected nothing, options, or the parameters of this container",
  );
});
