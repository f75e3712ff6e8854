// Copies an ELF program with its segments moved inside the file, so that each is as far from a huge
// page's boundary there as it is in memory. The kernel can then map it in huge pages: one fault for
// 2 MiB instead of one for 64 KiB. Addresses stay as they are, and the program notices nothing.
//
//   node .ci/align-segments.mjs IN OUT
import { readFileSync, writeFileSync } from "node:fs";

const hugePage = 2 * 1024 * 1024;
const loadable = 1; // PT_LOAD

// Where the fields are in a file of 64 bits, elf(5).
const segmentTable = { start: 32, entrySize: 54, count: 56 };
const sectionTable = { start: 40, entrySize: 58, count: 60 };
const inSegment = { type: 0, offset: 8, address: 16, fileSize: 32 };
const inSection = { offset: 24 };

const read = (bytes, at) => Number(bytes.readBigUInt64LE(at));
const write = (bytes, at, value) => bytes.writeBigUInt64LE(BigInt(value), at);
const roundUp = (value, to) => Math.ceil(value / to) * to;

/** Where the entries of a table of headers are. */
function entriesOf(bytes, { start, entrySize, count }) {
  const size = bytes.readUInt16LE(entrySize);
  return Array.from(
    { length: bytes.readUInt16LE(count) },
    (_, index) => read(bytes, start) + index * size,
  );
}

/** Which bytes go where: the loadable segments in their order, then all that follows them. */
function planMoves(bytes) {
  const moves = [];
  let end = 0;
  for (const segment of entriesOf(bytes, segmentTable)) {
    if (bytes.readUInt32LE(segment + inSegment.type) !== loadable) continue;
    const from = read(bytes, segment + inSegment.offset);
    const size = read(bytes, segment + inSegment.fileSize);
    const beyondBoundary = read(bytes, segment + inSegment.address) % hugePage;
    // The first holds the header of the file, and stays.
    const to = moves.length === 0 ? from : roundUp(end - beyondBoundary, hugePage) + beyondBoundary;
    moves.push({ from, size, to });
    end = to + size;
  }
  const last = moves.at(-1);
  const from = last.from + last.size;
  return [...moves, { from, size: bytes.length - from, to: roundUp(end, 16) + (from % 16) }];
}

function align(bytes) {
  const moves = planMoves(bytes);
  const moved = (offset) => {
    const move = moves.find(({ from, size }) => offset >= from && offset < from + size);
    return move === undefined ? offset : offset - move.from + move.to;
  };
  const { size, to } = moves.at(-1);
  const aligned = Buffer.alloc(to + size);
  for (const move of moves) bytes.copy(aligned, move.to, move.from, move.from + move.size);
  const offsets = [
    segmentTable.start,
    sectionTable.start,
    ...entriesOf(bytes, segmentTable).map((segment) => moved(segment) + inSegment.offset),
    ...entriesOf(bytes, sectionTable).map((section) => moved(section) + inSection.offset),
  ];
  for (const at of offsets) write(aligned, at, moved(read(aligned, at)));
  return aligned;
}

const [source, target] = process.argv.slice(2);
const bytes = readFileSync(source);
if (bytes.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") {
  throw new Error(`${source} is not an ELF file of 64 bits, little-endian`);
}
writeFileSync(target, align(bytes), { mode: 0o755 });
