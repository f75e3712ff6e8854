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
  /** Whether the caller's working directory is none any more. */
  readonly lacksDirectory?: boolean;
  /** Where tsoci.node and the driver are. */
  readonly libraryDir?: string;
  /** argv[0]. */
  readonly invokedAs: string;
  /** Of a shim that is to serve: its listener, and where that is. */
  readonly shimListener?: { readonly fd: number; readonly path: string } | undefined;
}

/** Begins the name of each variable of the caller's, so that the engine obeys none of them. */
const hidden = ".";

const layout = "v1;";

/** Reads what the launcher left in the environment. Without a launcher the environment is the caller's own. */
export function readLaunchFacts(env: Environment): LaunchFacts {
  const launch = env.TSOCI_LAUNCH;
  if (launch === undefined) return new CallerFacts(env, "", "tsoci");
  if (!launch.startsWith(layout)) {
    throw new Error(`launcher and driver are not of one build: TSOCI_LAUNCH is "${launch}"`);
  }
  return new LauncherFacts(env, launch);
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Each fact is read when it is first asked for: most commands look at one variable or none. */
class CallerFacts implements LaunchFacts {
  private copy: Record<string, string> | undefined;

  constructor(
    private readonly env: Environment,
    private readonly prefix: string,
    readonly invokedAs: string,
  ) {}

  get environment(): Readonly<Record<string, string>> {
    this.copy ??= copyEnvironment(this.env, this.prefix);
    return this.copy;
  }

  readonly variable = (name: string) => this.env[`${this.prefix}${name}`];
}

class LauncherFacts extends CallerFacts {
  readonly libraryDir: string;
  private readonly shim: string | undefined;

  constructor(
    env: Environment,
    private readonly launch: string,
  ) {
    super(env, hidden, env.TSOCI_ARGV0 ?? "tsoci");
    this.shim = env.TSOCI_SHIM;
    this.libraryDir = field(launch, "lib");
  }

  get nofileSoft(): bigint {
    return BigInt(field(this.launch, "nofile"));
  }

  get openFds(): readonly number[] {
    return field(this.launch, "fds").split(",").filter(Boolean).map(Number);
  }

  get shimListener(): { readonly fd: number; readonly path: string } | undefined {
    const [fd, path] = this.shim?.split(";") ?? [];
    return fd === undefined || path === undefined ? undefined : { fd: Number(fd), path };
  }

  get lacksDirectory(): boolean {
    return field(this.launch, "cwd") === "gone";
  }
}

/** The text behind `;name=`. `lib` comes last and goes to the end: a directory's name may hold any byte. */
function field(launch: string, name: string): string {
  const label = `;${name}=`;
  const found = launch.indexOf(label);
  if (found < 0) throw new Error(`the launcher left no "${name}": TSOCI_LAUNCH is "${launch}"`);
  const begin = found + label.length;
  const end = name === "lib" ? -1 : launch.indexOf(";", begin);
  return end < 0 ? launch.slice(begin) : launch.slice(begin, end);
}

function copyEnvironment(env: Environment, prefix: string): Record<string, string> {
  const copy: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && name.startsWith(prefix)) copy[name.slice(prefix.length)] = value;
  }
  return copy;
}
