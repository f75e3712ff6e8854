/** What the launcher saw of its caller, before the JavaScript engine changed any of it. */
export interface LaunchFacts {
  /** The caller's environment, copied when it is first asked for. Null prototype: a variable may be named `__proto__`. */
  readonly environment: Readonly<Record<string, string>>;
  /** One variable of it, without a copy. */
  readonly variable: (name: string) => string | undefined;
  /** The soft RLIMIT_NOFILE. */
  readonly nofileSoft?: bigint;
  /** The descriptors that were open. */
  readonly openFds?: readonly number[];
  /** Where tsoci.node and the driver are. */
  readonly libraryDir?: string;
  /** argv[0]. */
  readonly invokedAs: string;
}

/** Begins the name of each variable of the caller's, so that the engine obeys none of them. */
const hidden = ".";

const layout = "v1;";

/** Reads what the launcher left in the environment. Without a launcher the environment is the caller's own. */
export function readLaunchFacts(env: Readonly<Record<string, string | undefined>>): LaunchFacts {
  const launch = env.TSOCI_LAUNCH;
  if (launch === undefined) {
    return Object.assign(lazyEnvironment(env, ""), { invokedAs: "tsoci" });
  }
  if (!launch.startsWith(layout)) {
    throw new Error(`launcher and driver are not of one build: TSOCI_LAUNCH is "${launch}"`);
  }
  const nofile = field(launch, "nofile");
  const fds = field(launch, "fds");
  // The last field, because a directory's name may hold any byte.
  const libraryAt = launch.indexOf(";lib=");
  return Object.assign(lazyEnvironment(env, hidden), {
    invokedAs: env.TSOCI_ARGV0 ?? "tsoci",
    ...(nofile === undefined ? {} : { nofileSoft: BigInt(nofile) }),
    ...(fds === undefined ? {} : { openFds: fds.split(",").filter(Boolean).map(Number) }),
    ...(libraryAt < 0 ? {} : { libraryDir: launch.slice(libraryAt + ";lib=".length) }),
  });
}

/** Most commands look at one variable or none, and copying all takes longer than they may. */
function lazyEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  prefix: string,
): Pick<LaunchFacts, "environment" | "variable"> {
  let copy: Record<string, string> | undefined;
  return {
    get environment() {
      copy ??= copyEnvironment(env, prefix);
      return copy;
    },
    variable: (name) => env[`${prefix}${name}`],
  };
}

function field(launch: string, name: string): string | undefined {
  const [fields = ""] = launch.split(";lib=", 1);
  const prefix = `${name}=`;
  return fields
    .split(";")
    .find((part) => part.startsWith(prefix))
    ?.slice(prefix.length);
}

function copyEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  prefix: string,
): Record<string, string> {
  const copy: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && name.startsWith(prefix)) copy[name.slice(prefix.length)] = value;
  }
  return copy;
}
