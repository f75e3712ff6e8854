// docs/benchmarks.svg from the results: one group of bars for each measure, each group to its own scale.
import { format, measures } from "./bars.mjs";

const width = 860;
const barLeft = 90;
const barWidth = 560;
const barHeight = 16;
const barGap = 4;
const groupGap = 40;
const colours = ["#2f6fde", "#8a8f98", "#c98a2b", "#5b9a58"];

export function renderChart(results) {
  const runtimes = Object.keys(results.versions);
  const groups = measures.filter(({ key }) => results.measures[key] !== undefined);
  const groupHeight = runtimes.length * (barHeight + barGap) + groupGap;
  const height = 50 + groups.length * groupHeight;
  const drawn = groups.map((measure, index) =>
    drawGroup(measure, results.measures[measure.key], runtimes, 50 + index * groupHeight),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- Written by \`make bench\` from bench/results.json; do not edit. -->
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Medians and quartiles of ${runtimes.join(", ")}">
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .spread { stroke: #24292f; stroke-width: 1.5; }
  .paper { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .spread { stroke: #e6edf3; }
    .paper { fill: #0d1117; }
  }
</style>
<rect class="paper" width="${width}" height="${height}"/>
<text class="title" x="16" y="26">${results.date}, median and quartiles; shorter is better</text>
${drawn.join("\n")}
</svg>
`;
}

function drawGroup({ title, unit }, byRuntime, runtimes, top) {
  const summaries = runtimes.map((name) => byRuntime[name]);
  const largest = Math.max(...summaries.map((summary) => summary?.p75 ?? 0));
  const x = (value) => (barLeft + (value / largest) * barWidth).toFixed(1);
  const bars = runtimes.map((name, index) => {
    const summary = byRuntime[name];
    if (summary === undefined) return "";
    const y = top + 14 + index * (barHeight + barGap);
    const middle = y + barHeight / 2;
    return `<text x="${barLeft - 8}" y="${middle + 4}" text-anchor="end">${name}</text>
<rect x="${barLeft}" y="${y}" width="${(Number(x(summary.median)) - barLeft).toFixed(1)}" height="${barHeight}" fill="${colours[index % colours.length]}"/>
<line class="spread" x1="${x(summary.p25)}" x2="${x(summary.p75)}" y1="${middle}" y2="${middle}"/>
<text x="${barLeft + barWidth + 12}" y="${middle + 4}">${format(summary.median, unit)}</text>`;
  });
  return `<text class="title" x="${barLeft}" y="${top + 6}">${title}</text>\n${bars.join("\n")}`;
}
