import { readLaunchFacts } from "./launch-facts";

const launched = {
  TSOCI_LAUNCH: "v1;nofile=512;sigblk=0;sigign=1000;fds=0,1,2,5;lib=/opt/a;fds=7/lib",
  TSOCI_ARGV0: "/usr/bin/runc",
};

test("a launcher's facts are read, and its directory may hold the separators", () => {
  const facts = readLaunchFacts(launched);

  expect(facts).toMatchObject({
    nofileSoft: 512n,
    openFds: [0, 1, 2, 5],
    libraryDir: "/opt/a;fds=7/lib",
    invokedAs: "/usr/bin/runc",
  });
});

test.each([
  ["gone", true],
  ["", false],
])("a working directory that is %j", (cwd, lacksDirectory) => {
  const launch = `v1;nofile=1;fds=;cwd=${cwd};lib=/l`;

  expect(readLaunchFacts({ TSOCI_LAUNCH: launch }).lacksDirectory).toBe(lacksDirectory);
});

test("only the caller's variables come back, under their own names", () => {
  const env = {
    ...launched,
    ".PATH": "/bin",
    "..hidden": "1",
    ".__proto__": "2",
    BUN_X: "engine's",
  };

  const { environment } = readLaunchFacts(env);

  expect(Object.entries(environment)).toEqual([
    ["PATH", "/bin"],
    [".hidden", "1"],
    ["__proto__", "2"],
  ]);
  expect(Object.getPrototypeOf(environment)).toBeNull();
});

test("a caller cannot pass itself off as the launcher", () => {
  const env = { ...launched, ".TSOCI_LAUNCH": "v1;fds=9;lib=/evil", ".TSOCI_ARGV0": "evil" };

  const facts = readLaunchFacts(env);

  expect(facts.openFds).toEqual([0, 1, 2, 5]);
  expect(facts.environment.TSOCI_LAUNCH).toBe("v1;fds=9;lib=/evil");
});

test("without a launcher the environment is as it is, and nothing else is known", () => {
  const facts = readLaunchFacts({ PATH: "/bin", ".dot": "kept" });

  expect(facts.environment).toEqual({ PATH: "/bin", ".dot": "kept" });
  expect(facts.variable(".dot")).toBe("kept");
  expect(facts).toMatchObject({ invokedAs: "tsoci" });
  expect(facts).not.toHaveProperty("openFds");
  expect(facts).not.toHaveProperty("nofileSoft");
  expect(facts).not.toHaveProperty("libraryDir");
});

test("no open descriptor at all is not an unknown number of them", () => {
  const facts = readLaunchFacts({ TSOCI_LAUNCH: "v1;nofile=18446744073709551615;fds=;lib=/l" });

  expect(facts.openFds).toEqual([]);
  expect(facts.nofileSoft).toBe(18446744073709551615n);
});

test("a launcher of another layout is refused", () => {
  expect(() => readLaunchFacts({ TSOCI_LAUNCH: "v2;fds=0" })).toThrow(
    'launcher and driver are not of one build: TSOCI_LAUNCH is "v2;fds=0"',
  );
});
