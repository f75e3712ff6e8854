import type { Addon, DbusValue } from "../../addon/bindings";
import { isErrno } from "../../errors/describe";
import { RuntimeError } from "../../errors/runtime-error";
import type { LaunchFacts } from "../../host/launch-facts";
import type { Property } from "./properties";

/** Whose manager a unit is in: the machine's, or the calling user's own. */
export type ManagerKind = "system" | "user";

/** How long systemd may take for a call, or a job. */
const timeoutMs = 30_000;

const unitExists = "org.freedesktop.systemd1.UnitExists";
const noSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";

/** One connection to systemd for a whole operation: made when it is first used, there until it is closed. */
export class ManagerConnection {
  private manager: Manager | undefined;

  constructor(
    private readonly addon: Addon,
    private readonly launch: LaunchFacts,
    private readonly kind: ManagerKind,
  ) {}

  use<Result>(work: (manager: Manager) => Result): Result {
    this.manager ??= Manager.connect(this.addon, this.launch, this.kind);
    return work(this.manager);
  }

  close(): void {
    if (this.manager === undefined) return;
    this.manager = undefined;
    this.addon.disconnectManager();
  }
}

/** systemd, by a connection. */
export class Manager {
  private constructor(private readonly addon: Addon) {}

  /** Connects, lends the connection and closes it. Throws CGROUP_FAILED. */
  static use<Result>(
    addon: Addon,
    launch: LaunchFacts,
    kind: ManagerKind,
    work: (manager: Manager) => Result,
  ): Result {
    const connection = new ManagerConnection(addon, launch, kind);
    try {
      return connection.use(work);
    } finally {
      connection.close();
    }
  }

  /** The caller disconnects. Throws CGROUP_FAILED. */
  static connect(addon: Addon, launch: LaunchFacts, kind: ManagerKind): Manager {
    const address = addressOf(launch, kind);
    try {
      addon.connectManager({ address });
    } catch (cause) {
      throw new RuntimeError("CGROUP_FAILED", `connect to systemd at "${address}"`, { cause });
    }
    return new Manager(addon);
  }

  /** Of a version such as "252.38-1~deb12u1". */
  readVersion(): number {
    const text = this.ofManager("Version");
    const version = Number(/\d+/.exec(text)?.[0]);
    if (Number.isInteger(version)) return version;
    throw new RuntimeError("CGROUP_FAILED", `systemd's version is ${JSON.stringify(text)}`);
  }

  /** The cgroup that all units are below, "" for the top. */
  readTop(): string {
    const path = this.ofManager("ControlGroup");
    return path === "/" ? "" : path;
  }

  readDescription(unit: string): string {
    return this.read(unit, "org.freedesktop.systemd1.Unit", "Description");
  }

  readControlGroup(unit: string): string {
    const kind = unit.endsWith(".slice") ? "Slice" : "Scope";
    return this.read(unit, `org.freedesktop.systemd1.${kind}`, "ControlGroup");
  }

  /** Starts a unit that ends with what is in it. One of that name that has failed is in the way, and is forgotten. */
  startTransient(unit: string, properties: readonly Property[]): void {
    const start = () => {
      const result = this.job("StartTransientUnit", "ssa(sv)a(sa(sv))", [
        unit,
        "replace",
        properties.map(({ name, type, value }) => [name, { type, value }]),
        [],
      ]);
      if (result === "done") return;
      this.forget(unit);
      throw new RuntimeError("CGROUP_FAILED", `systemd's job ended with "${result}"`);
    };
    within(`start the unit "${unit}"`, () => {
      try {
        start();
      } catch (error) {
        if (isErrno(error, "ETIMEDOUT")) this.call("StopUnit", "ss", [unit, "replace"]);
        if (!isErrno(error, unitExists)) throw error;
        this.forget(unit);
        start();
      }
    });
  }

  setProperties(unit: string, properties: readonly Property[]): void {
    const values = properties.map(({ name, type, value }) => [name, { type, value }] as const);
    within(`set properties of the unit "${unit}"`, () =>
      this.call("SetUnitProperties", "sba(sv)", [unit, true, values]),
    );
  }

  /** Stops a unit and forgets it, if it is there. */
  stop(unit: string): void {
    within(`stop the unit "${unit}"`, () => {
      this.ignoring(noSuchUnit, () => this.job("StopUnit", "ss", [unit, "replace"]));
      this.forget(unit);
    });
  }

  private forget(unit: string): void {
    this.ignoring(noSuchUnit, () => this.call("ResetFailedUnit", "s", [unit]));
  }

  private call(method: string, types: string, args: readonly DbusValue[]): void {
    this.addon.callManager({ method, types, args, waitForJob: false, timeoutMs });
  }

  private job(method: string, types: string, args: readonly DbusValue[]): string {
    return this.addon.callManager({ method, types, args, waitForJob: true, timeoutMs });
  }

  private ignoring(code: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isErrno(error, code)) throw error;
    }
  }

  private ofManager(property: string): string {
    return this.read("", "org.freedesktop.systemd1.Manager", property);
  }

  private read(unit: string, interfaceName: string, property: string): string {
    return within(`read systemd's property "${property}"${unit && ` of "${unit}"`}`, () =>
      this.addon.readManagerProperty({ unit, interface: interfaceName, property }),
    );
  }
}

/** sd_bus_default_system(3) and sd_bus_default_user(3). The engine has its own environment, libsystemd sees none. */
function addressOf({ variable }: LaunchFacts, kind: ManagerKind): string {
  if (kind === "system") {
    return variable("DBUS_SYSTEM_BUS_ADDRESS") || "unix:path=/run/dbus/system_bus_socket";
  }
  const address = variable("DBUS_SESSION_BUS_ADDRESS");
  if (address) return address;
  const directory = variable("XDG_RUNTIME_DIR");
  if (directory) return `unix:path=${escapeAddress(directory)}/bus`;
  throw new RuntimeError(
    "CGROUP_FAILED",
    "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR says where the user's systemd is",
  );
}

/** What has a meaning in an address is written as its bytes. */
const escapeAddress = (path: string) =>
  path.replace(/[^\w/.-]/gu, (character) =>
    [...new TextEncoder().encode(character)]
      .map((byte) => `%${byte.toString(16).padStart(2, "0")}`)
      .join(""),
  );

function within<Result>(doing: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw new RuntimeError("CGROUP_FAILED", doing, { cause });
  }
}
