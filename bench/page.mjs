// docs/benchmarks.md from the results.
import { format, measures, yardstick } from "./bars.mjs";

export function renderPage(results) {
  const runtimes = Object.keys(results.versions);
  const measured = measures.filter(({ key }) => results.measures[key] !== undefined);
  return `# Benchmarks

Written by \`make bench\` on ${results.date} from \`bench/results.json\`; do not edit.

![Medians and quartiles of every measure](benchmarks.svg)

${table(
  [
    "measure",
    ...runtimes,
    ...runtimes.filter((name) => name !== yardstick).map((name) => `${name} / ${yardstick}`),
  ],
  measured.map((measure) => row(measure, results.measures[measure.key], runtimes)),
)}

Median, with the lower and upper quartile in brackets. The last columns are ratios of medians: below 1 is less than ${yardstick}.

${results.bars.length === 0 ? "" : `## What we promise\n\n${table(["measure", "promised", "found", ""], results.bars.map(verdict))}\n`}
## How

- ${results.rounds} rounds (memory: ${results.memoryRounds}) after three to warm up. A round does everything once with each runtime; the order turns from round to round.
- All runtimes get the same bundle: the config of \`tsoci spec\` without a terminal, marked as version 1.0.2 of the specification, new pid, network, ipc, uts, mount and cgroup namespaces, an absolute cgroup path, and a static program that exits at once.
- The seccomp profile is made like Docker's default one: some 380 system calls are allowed, a few by their arguments, on three architectures, and all others fail. A runtime that keeps compiled profiles has met it in the rounds before.
- "Every kind of limit" is memory with swap and reservation, CPU time, shares and sets, processes, the rate of a disk, and devices.
- \`exec\` goes to a container whose program waits, the same one for all rounds. "At the same time" is from the first of 100 to the end of the last, started by a shell.
- containerd and Podman are Debian's, started for it by \`conformance-tests/clients\`, three times for each runtime in turns; each time they run a program that exits at once ten times. By the shim of the runtime is by \`io.containerd.tsoci.v2\` for tsoci, and the same as before for the others.
- The shim's caller speaks to it as containerd does, without containerd: \`bench/shim\`. tsoci has its own shim, and the others have Debian's containerd-shim-runc-v2, which calls them. Root file systems are overlays, and output goes to fifos, as containerd has it.
- Containers and processes are made in a group whose shim is running, and end at once; \`wait\` is asked before \`start\`. There are 500 processes for each, in ten turns. \`start\` is timed as the operations below, and the first call from its end.
- 1 GB of output is read by a program that only counts, from \`start\` until no writer is left. The memory of a shim is \`Pss_Anon\`, while its containers run.
- The smallest memory limit is found by halving the range from 16 KiB to 16 MiB, to 16 KiB: the least with which the container runs and ends with status 0.
- Each operation is a process, timed from \`vfork\` to the return of \`wait4\` by \`bench/measure.c\`. What passes between the end of \`start\` and the end of the program is not counted.
- "Largest process" is \`ru_maxrss\`: it counts pages of files that all processes share. "Charged" is what the kernel charges to a memory cgroup that holds the runtime's processes.
${results.hidden.map(({ name, dir }) => `- ${name} runs where \`${dir}\` is an empty directory, because it refuses this machine's hybrid cgroups otherwise; it has one hierarchy less to work in.\n`).join("")}- A waiting container is measured by \`/proc/PID/smaps_rollup\` of its init: \`Private_Clean + Private_Dirty\`, and \`Pss_Anon\`.

| machine | |
| --- | --- |
| processor | ${results.machine.processor}, ${results.machine.processors} of them |
| memory | ${(results.machine.memoryBytes / 2 ** 30).toFixed(1)} GiB |
| system | ${results.machine.system}, Linux ${results.machine.kernel}, cgroups ${results.machine.cgroups} |
${Object.entries(results.versions)
  .map(([name, version]) => `| ${name} | ${version} |`)
  .join("\n")}
`;
}

function row({ title, unit }, byRuntime, runtimes) {
  const cells = runtimes.map((name) => {
    const summary = byRuntime[name];
    if (summary === undefined) return "";
    if (summary.count === 1) return format(summary.median, unit);
    return `${format(summary.median, unit)} (${format(summary.p25, unit)}–${format(summary.p75, unit)})`;
  });
  const reference = byRuntime[yardstick]?.median;
  const ratios = runtimes
    .filter((name) => name !== yardstick)
    .map((name) =>
      reference && byRuntime[name] ? (byRuntime[name].median / reference).toFixed(2) : "",
    );
  return [title, ...cells, ...ratios];
}

function verdict(bar) {
  const { title } = titled(bar.key);
  return [title, promised(bar), found(bar), bar.pass ? "pass" : "**miss**"];
}

const titled = (wanted) => measures.find(({ key }) => key === wanted);

function promised(bar) {
  if (bar.over !== undefined)
    return `at most ${format(bar.atMostMs, "ms")} more than ${titled(bar.over).title}`;
  if (bar.below !== undefined) return `under ${format(bar.below, titled(bar.key).unit)}`;
  return `at most ${bar.atMost} of ${bar.of ?? yardstick}`;
}

function found(bar) {
  const isShare = bar.over === undefined && bar.below === undefined;
  return isShare ? bar.found.toFixed(2) : format(bar.found, titled(bar.key).unit);
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
