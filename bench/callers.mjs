// What those wait for who never call a runtime themselves: real engines, from their command to its end.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const runners = { ctr: "containerd.sh", podman: "podman.sh" };
const timesEach = 10;
const clientsDir = fileURLToPath(new URL("../conformance-tests/clients", import.meta.url));

/** Samples by runtime and measure, in ms. Engines start anew for each round, and runtimes take turns. */
export function timeCallers(runtimes, rounds) {
  const samples = Object.fromEntries(runtimes.map(({ name }) => [name, {}]));
  for (let round = 0; round < rounds; round++) {
    const turn = round % runtimes.length;
    for (const runtime of [...runtimes.slice(turn), ...runtimes.slice(0, turn)]) {
      for (const [measure, runner] of Object.entries(runners)) {
        samples[runtime.name][measure] ??= [];
        samples[runtime.name][measure].push(...timesOf(runner, runtime));
      }
    }
  }
  return samples;
}

function timesOf(runner, runtime) {
  const said = execFileSync(`${clientsDir}/${runner}`, [runtime.path], {
    env: { ...process.env, TIMES: String(timesEach) },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const times = [...said.matchAll(/^took (\d+) us$/gm)].map(([, us]) => Number(us) / 1000);
  if (times.length !== timesEach) throw new Error(`${runner} ${runtime.path}: ${said}`);
  return times;
}
