import { existsSync } from "node:fs";
import { basename, join } from "node:path";

export const repositoryDir = join(__dirname, "../..");
/** The build whose package is tested: one with sanitizers is beside the usual one. TSOCI_TEST_BUILD. */
export const buildDir = process.env.TSOCI_TEST_BUILD ?? join(repositoryDir, "build");
export const addonDir = join(buildDir, "native");
export const toolDir = join(repositoryDir, "build/probe");
export const terminalTool = join(toolDir, "terminal");
export const notifyTool = join(toolDir, "notify");
export const launchTool = join(toolDir, "launch");
export const agentTool = join(toolDir, "agent");

/** What is tested; TSOCI_TEST_RUNTIME names another runtime, so that the tests themselves can be tested. */
export const runtimePath = process.env.TSOCI_TEST_RUNTIME ?? join(repositoryDir, "dist/bin/tsoci");
export const runtimeName = basename(runtimePath);
export const isTsoci = runtimeName.startsWith("tsoci");

/** What every deadline is multiplied with, for machines that are slow: TSOCI_TEST_PATIENCE. */
export const patience = Number(process.env.TSOCI_TEST_PATIENCE ?? 1);

export const markVariable = "TSOCI_TEST_MARK";

/** Directory of everything that this run of the tests makes; global-setup.ts makes it, and removes it. */
export function scratchDir(): string {
  const dir = process.env.TSOCI_TEST_SCRATCH;
  if (dir === undefined || !existsSync(dir)) {
    throw new Error("no scratch directory: run the tests with conformance-tests/jest.config.js");
  }
  return dir;
}

/**
 * What a caller like containerd gives: little. The mark lets a leaked process be found by its environment.
 * An ordinary user's systemd is found by the directory.
 */
export function callerEnvironment(): NodeJS.ProcessEnv {
  const { XDG_RUNTIME_DIR } = process.env;
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    [markVariable]: basename(scratchDir()),
    ...(process.getuid?.() !== 0 && XDG_RUNTIME_DIR !== undefined && { XDG_RUNTIME_DIR }),
  };
}

/** What an engine needs to load an addon that is built with sanitizers, whose own variables these are. */
export function engineEnvironment(): NodeJS.ProcessEnv {
  const names = ["LD_PRELOAD", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"];
  const needed = process.env.TSOCI_TEST_BUILD === undefined ? [] : names;
  return Object.fromEntries(needed.map((name) => [name, process.env[name]]));
}

/**
 * Copies that every rootfs has hard links to. Not the host's own files: a container may be root, and
 * what a test tries on its rootfs must not reach them.
 */
export function programPath(name: "probe" | "busybox"): string {
  return join(scratchDir(), "programs", name);
}
