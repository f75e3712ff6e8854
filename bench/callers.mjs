// What those wait for who never call a runtime themselves: real engines, from their command to its end.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { shimOf } from "./shim/shims.mjs";

/** What each measure runs, and of whom; undefined where that is not to be measured. */
const runners = {
  ctr: { runner: "containerd.sh", program: ({ path }) => path },
  ctrShim: { runner: "containerd.sh", program: ownShimOf },
  podman: { runner: "podman.sh", program: ({ path }) => path },
};
const timesEach = 10;
const clientsDir = fileURLToPath(new URL("../conformance-tests/clients", import.meta.url));

/** Samples by runtime and measure, in ms. Engines start anew for each round, and runtimes take turns. */
export function timeCallers(runtimes, rounds) {
  const samples = Object.fromEntries(runtimes.map(({ name }) => [name, {}]));
  for (let round = 0; round < rounds; round++) {
    const turn = round % runtimes.length;
    for (const runtime of [...runtimes.slice(turn), ...runtimes.slice(0, turn)]) {
      for (const [measure, { runner, program }] of Object.entries(runners)) {
        const path = program(runtime);
        if (path === undefined) continue;
        samples[runtime.name][measure] ??= [];
        samples[runtime.name][measure].push(...timesOf(runner, path));
      }
    }
  }
  return withPeers(samples);
}

/** Only tsoci has a shim of its own; there is no other way from containerd to the others than that of `ctr`. */
function ownShimOf(runtime) {
  const found = shimOf(runtime);
  return found === undefined || found.runtime !== undefined ? undefined : found.shim;
}

/** The same samples of the others once more, where there is something to be compared with them. */
function withPeers(samples) {
  if (Object.values(samples).every(({ ctrShim }) => ctrShim === undefined)) return samples;
  for (const found of Object.values(samples)) found.ctrShim ??= found.ctr;
  return samples;
}

function timesOf(runner, program) {
  const said = execFileSync(`${clientsDir}/${runner}`, [program], {
    env: { ...process.env, TIMES: String(timesEach) },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const times = [...said.matchAll(/^took (\d+) us$/gm)].map(([, us]) => Number(us) / 1000);
  if (times.length !== timesEach) throw new Error(`${runner} ${program}: ${said}`);
  return times;
}
