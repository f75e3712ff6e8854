// Shows the shares of a core that were asked for beside those that were measured: as a table, and as SVG.
const width = 720;
const left = 130;
const scaleWidth = 380;
const barHeight = 18;
const groupHeight = 62;
const top = 70;

function percent(share) {
  return `${(share * 100).toFixed(0)} %`;
}

const columns = [-18, -26, 6, 12, 9];

/** Fills up each cell of a line to the width of its column, on the right where that is negative. */
function tableLine(cells) {
  const filled = cells.map((cell, index) => {
    const size = columns[index];
    return size < 0 ? cell.padEnd(-size) : cell.padStart(size);
  });
  return `   ${filled.join(" ")}`;
}

export const tableHead = tableLine([
  "limit asked for",
  "the kernel's file has",
  "gets",
  "throttled",
  "held up",
]);

/** A line of the table; "held up" is how long the loop was ready to run and might not. */
export function describeLoop({ asked, limit, measured, throttled, heldMs }) {
  const name = asked === undefined ? "none" : percent(asked);
  return tableLine([
    name,
    limit,
    percent(measured),
    `${throttled} times`,
    `${heldMs.toFixed(0)} ms`,
  ]);
}

/** `loops` as limits.mjs measures them: no limit is drawn as the whole core that it allows a loop. */
export function renderChart(loops) {
  const height = top + loops.length * groupHeight + 34;
  const bottom = height - 34;
  const ticks = [0, 25, 50, 75, 100].map((percent) => {
    const x = left + (percent / 100) * scaleWidth;
    return `<line class="grid" x1="${x}" x2="${x}" y1="${top - 8}" y2="${bottom}"/>
<text x="${x}" y="${bottom + 18}" text-anchor="middle">${percent} %</text>`;
  });
  const groups = loops.map((loop, index) => drawGroup(loop, top + index * groupHeight));
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Shares of a core, asked for and measured">
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .grid { stroke: #d0d7de; }
  .asked { fill: #b6bcc6; }
  .measured { fill: #2f6fde; }
  .paper { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .grid { stroke: #30363d; }
    .asked { fill: #565d68; }
    .paper { fill: #0d1117; }
  }
</style>
<rect class="paper" width="${width}" height="${height}"/>
<text class="title" x="16" y="26">Share of a core that a busy loop gets</text>
<rect class="asked" x="16" y="38" width="12" height="12"/>
<text x="34" y="48">asked for</text>
<rect class="measured" x="106" y="38" width="12" height="12"/>
<text x="124" y="48">measured</text>
${ticks.join("\n")}
${groups.join("\n")}
</svg>
`;
}

function drawGroup({ asked, measured, throttled }, y) {
  const name = asked === undefined ? "no limit" : `limit ${percent(asked)}`;
  const label = `${percent(measured)}, throttled ${throttled} times`;
  return `<text class="title" x="${left - 12}" y="${y + barHeight + 4}" text-anchor="end">${name}</text>
${drawBar("asked", asked ?? 1, y)}
${drawBar("measured", measured, y + barHeight + 2)}
<text x="${left + Math.min(measured, 1.05) * scaleWidth + 8}" y="${y + 2 * barHeight - 2}">${label}</text>`;
}

const drawBar = (kind, share, y) =>
  `<rect class="${kind}" x="${left}" y="${y}" width="${(Math.min(share, 1.05) * scaleWidth).toFixed(1)}" height="${barHeight}"/>`;
