// Changes to bytes, as many tools of this kind have them, and to text: words of a target's own.

const mostBytes = 8 * 1024;
const interesting = [0x00, 0x0a, 0x20, 0x22, 0x2c, 0x2f, 0x5b, 0x5c, 0x7b, 0x7f, 0x80, 0xc3, 0xff];

const part = (bytes, random) => {
  const from = random.below(bytes.length + 1);
  return [from, Math.min(bytes.length, from + 1 + random.below(random.oneOf([2, 8, 64])))];
};

const replaced = (bytes, from, to, middle) =>
  Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)]);

/** Each takes bytes that are not empty, and answers others. */
const changes = [
  function setByte(bytes, random) {
    const copy = Buffer.from(bytes);
    copy[random.below(copy.length)] = random.below(256);
    return copy;
  },
  function setInteresting(bytes, random) {
    const copy = Buffer.from(bytes);
    copy[random.below(copy.length)] = random.oneOf(interesting);
    return copy;
  },
  function flipBit(bytes, random) {
    const copy = Buffer.from(bytes);
    copy[random.below(copy.length)] ^= 1 << random.below(8);
    return copy;
  },
  function remove(bytes, random) {
    const [from, to] = part(bytes, random);
    return replaced(bytes, from, to, Buffer.alloc(0));
  },
  function insertByte(bytes, random) {
    const at = random.below(bytes.length + 1);
    return replaced(bytes, at, at, Buffer.of(random.below(256)));
  },
  function copyPart(bytes, random) {
    const [from, to] = part(bytes, random);
    const at = random.below(bytes.length + 1);
    return replaced(bytes, at, at, bytes.subarray(from, to));
  },
  function repeatPart(bytes, random) {
    const [from, to] = part(bytes, random);
    const times = random.oneOf([2, 3, 20, 200, 20_000]);
    const most = Math.max(1, Math.floor(mostBytes / (to - from + 1)));
    const piece = bytes.subarray(from, to);
    return replaced(bytes, from, to, Buffer.concat(Array(Math.min(times, most)).fill(piece)));
  },
  function changeNumber(bytes, random) {
    const text = bytes.toString("latin1");
    const numbers = [...text.matchAll(/\d+/g)];
    if (numbers.length === 0) return bytes;
    const { 0: digits, index } = random.oneOf(numbers);
    const others = ["0", "1", "-1", "4294967295", "9007199254740993", "1e400", `${digits}9`, "0.5"];
    return replaced(bytes, index, index + digits.length, Buffer.from(random.oneOf(others)));
  },
];

/** One of the target's words, in the place of something or between. */
function useWord(bytes, random, words) {
  const word = Buffer.from(random.oneOf(words));
  const [from, to] = part(bytes, random);
  return replaced(bytes, from, random.below(2) === 0 ? from : to, word);
}

/** The beginning of one and the end of another. */
function cross(bytes, other, random) {
  const head = bytes.subarray(0, random.below(bytes.length + 1));
  return Buffer.concat([head, other.subarray(random.below(other.length + 1))]);
}

/** Bytes that come of `bytes` by a few changes; `corpus` are others that did something of their own. */
export function mutate(bytes, corpus, words, random) {
  let changed = bytes;
  for (let count = 1 + random.below(4); count > 0; count--) {
    const kind = random.below(8);
    if (changed.length === 0) changed = Buffer.from(words.length > 0 ? random.oneOf(words) : "0");
    if (kind === 0) changed = cross(changed, random.oneOf(corpus), random);
    else if (kind <= 3 && words.length > 0) changed = useWord(changed, random, words);
    else changed = random.oneOf(changes)(changed, random);
  }
  return changed.subarray(0, mostBytes);
}
