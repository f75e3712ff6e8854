import type { Addon, ManagerCall } from "../../addon/bindings";
import type { LaunchFacts } from "../../host/launch-facts";
import { Manager, type ManagerKind } from "./manager";

/** A systemd that answers each call of a method with the next of its answers, a result or the name of an error. */
class FakeSystemd {
  readonly calls: string[] = [];
  address = "";
  isConnected = false;

  constructor(private readonly answers: Record<string, string[]> = {}) {}

  readonly addon = {
    connectManager: ({ address }: { address: string }) => {
      this.address = address;
      this.isConnected = true;
    },
    disconnectManager: () => {
      this.isConnected = false;
    },
    callManager: ({ method, args }: ManagerCall) => {
      this.calls.push(`${method} ${args[0]}`);
      const answer = this.answers[method]?.shift() ?? "done";
      if (!/^[A-Z]/.test(answer)) return answer;
      const code = answer === "ETIMEDOUT" ? answer : `org.freedesktop.systemd1.${answer}`;
      throw Object.assign(new Error(answer), { code });
    },
  } as unknown as Addon;
}

function use(systemd: FakeSystemd, work: (manager: Manager) => void) {
  Manager.use(systemd.addon, facts({}), "system", work);
}

const facts = (environment: Record<string, string>) =>
  ({ variable: (name: string) => environment[name] }) as LaunchFacts;

test.each<[ManagerKind, Record<string, string>, string]>([
  ["system", {}, "unix:path=/run/dbus/system_bus_socket"],
  ["system", { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/x" }, "unix:path=/x"],
  ["user", { DBUS_SESSION_BUS_ADDRESS: "unix:path=/y", XDG_RUNTIME_DIR: "/z" }, "unix:path=/y"],
  ["user", { XDG_RUNTIME_DIR: "/run/user/a b" }, "unix:path=/run/user/a%20b/bus"],
])("the %s's bus with %j", (kind, environment, address) => {
  const systemd = new FakeSystemd();

  Manager.use(systemd.addon, facts(environment), kind, () => {
    expect(systemd.isConnected).toBe(true);
  });

  expect(systemd).toMatchObject({ address, isConnected: false });
});

test("without a word of where the user's bus is, that is said", () => {
  expect(() => Manager.use(new FakeSystemd().addon, facts({}), "user", () => {})).toThrow(
    "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR says where the user's systemd is",
  );
});

describe("starting a unit", () => {
  test("one that has failed under the same name is forgotten, and it is tried once more", () => {
    const systemd = new FakeSystemd({ StartTransientUnit: ["UnitExists", "done"] });

    use(systemd, (manager) => manager.startTransient("a.scope", []));

    expect(systemd.calls).toEqual([
      "StartTransientUnit a.scope",
      "ResetFailedUnit a.scope",
      "StartTransientUnit a.scope",
    ]);
  });

  test("one that lives is not touched", () => {
    const systemd = new FakeSystemd({ StartTransientUnit: ["UnitExists", "UnitExists"] });

    expect(() => use(systemd, (manager) => manager.startTransient("a.scope", []))).toThrow(
      'start the unit "a.scope"',
    );

    expect(systemd.calls).not.toContain("StopUnit a.scope");
    expect(systemd.isConnected).toBe(false);
  });

  test("a job that takes too long is not left to end some time", () => {
    const systemd = new FakeSystemd({ StartTransientUnit: ["ETIMEDOUT"] });

    expect(() => use(systemd, (manager) => manager.startTransient("a.scope", []))).toThrow();

    expect(systemd.calls.at(-1)).toBe("StopUnit a.scope");
  });
});

test("stopping a unit that is gone is done", () => {
  const systemd = new FakeSystemd({ StopUnit: ["NoSuchUnit"], ResetFailedUnit: ["NoSuchUnit"] });

  use(systemd, (manager) => manager.stop("a.scope"));

  expect(systemd.calls).toEqual(["StopUnit a.scope", "ResetFailedUnit a.scope"]);
});
