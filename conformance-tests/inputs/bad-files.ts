import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";

/** Files that hold no JSON object, whatever they look like. */
export interface BadFile {
  readonly what: string;
  /** Makes it at a path where nothing is; `sound` is the text that belongs there. */
  readonly make: (path: string, sound: string) => void;
  /** What our error says of it. */
  readonly says: RegExp;
}

const holding = (what: string, content: string | Buffer, says: RegExp): BadFile => ({
  what,
  make: (path) => writeFileSync(path, content),
  says,
});

const edited = (what: string, edit: (sound: string) => string | Buffer, says: RegExp): BadFile => ({
  what,
  make: (path, sound) => writeFileSync(path, edit(sound)),
  says,
});

const linkTo = (what: string, target: string, says: RegExp): BadFile => ({
  what,
  make: (path) => symlinkSync(target, path),
  says,
});

const program = (what: string, args: (path: string) => string[], says: RegExp): BadFile => ({
  what,
  make: (path) => {
    const [name = "", ...rest] = args(path);
    execFileSync(name, rest);
  },
  says,
});

/** Text before the last brace of `sound`. */
const inside = (sound: string, text: string) => sound.replace(/\}(?=[^}]*$)/, () => `${text}}`);

const nested = (open: string, close: string) =>
  `{"a":${open.repeat(20_000)}1${close.repeat(20_000)}}`;

const listen = "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])";

/** By what the kernel says it is. */
const kinds: readonly BadFile[] = [
  { what: "nothing", make: () => {}, says: /no such file or directory \(ENOENT\)/ },
  program("a FIFO", (path) => ["mkfifo", path], /is not a regular file|is empty/),
  program("a socket", (path) => ["python3", "-c", listen, path], /no such device or address/),
  {
    what: "a directory",
    make: (path) => mkdirSync(path),
    says: /is not a regular file|is a directory/,
  },
  linkTo("a link to /dev/zero", "/dev/zero", /is not a regular file|has more than \d+ bytes/),
  linkTo("a link to /dev/null", "/dev/null", /is not a regular file|is empty/),
  linkTo("a link to itself", "config.json", /too many levels of symbolic links|no such file/),
  linkTo("a link to nothing", "nowhere", /no such file or directory \(ENOENT\)/),
];

/** By their bytes, before they are JSON. */
const encodings: readonly BadFile[] = [
  holding("an empty file", "", /is empty, and must hold/),
  holding("only blanks", " \n\t ", /is empty, and must hold/),
  holding("one NUL", "\0", /has the control character U\+0000 where a value was expected/),
  edited("a byte order mark", (sound) => `\ufeff${sound}`, /byte order mark/),
  edited("UTF-16", (sound) => Buffer.from(`\ufeff${sound}`, "utf16le"), /is (UTF-16|not UTF-8)/),
  edited(
    "UTF-16 without a mark",
    (sound) => Buffer.from(sound, "utf16le"),
    /has the control character U\+0000 where a (name|value)/,
  ),
  edited(
    "bytes that are not UTF-8",
    (sound) =>
      Buffer.concat([Buffer.from(inside(sound, ',"x":"')), Buffer.from([0xff, 0x22, 0x7d])]),
    /is not UTF-8/,
  ),
  holding("64 MiB", `{"a":"${"x".repeat(64 << 20)}"}`, /has more than \d+ bytes/),
  {
    what: "a terabyte of nothing",
    make: (path) => {
      writeFileSync(path, "");
      truncateSync(path, 1e12);
    },
    says: /has more than \d+ bytes/,
  },
];

/** By their text, which is not JSON. */
const syntax: readonly BadFile[] = [
  holding("twenty thousand levels", "[".repeat(20_000) + "]".repeat(20_000), /levels deep/),
  holding("twenty thousand levels of lists", nested("[", "]"), /levels deep/),
  holding("twenty thousand levels of objects", nested('{"a":', "}"), /levels deep/),
  edited("data behind the end", (sound) => `${sound} x`, /has "x" where nothing after/),
  edited("a second object", (sound) => `${sound}${sound}`, /has "[{[]" where nothing after/),
  edited("NaN", (sound) => inside(sound, ',"x":NaN'), /has "N" where a value was expected/),
  edited(
    "Infinity",
    (sound) => inside(sound, ',"x":-Infinity'),
    /has "I" where a digit was expected/,
  ),
  edited("a comment", (sound) => `// comment\n${sound}`, /has "\/" where a value was expected/),
  edited(
    "a comment between",
    (sound) => inside(sound, "/* comment */"),
    /has "\/" where "," or "\}" was expected/,
  ),
  edited(
    "a trailing comma",
    (sound) => inside(sound, ","),
    /has "\}" where a name in double quotes/,
  ),
  edited(
    "a name without quotes",
    (sound) => inside(sound, ",x:1"),
    /has "x" where a name in double quotes/,
  ),
  edited(
    "single quotes",
    (sound) => sound.replaceAll('"', "'"),
    /has "'" where a name in double quotes/,
  ),
  edited("a line break in a string", (sound) => inside(sound, ',"x":"a\nb"'), /control character/),
  edited("an escape that there is not", (sound) => inside(sound, ',"x":"\\x41"'), /the escape/),
  edited("a number with a leading zero", (sound) => inside(sound, ',"x":007'), /leading zero/),
  edited(
    "a hexadecimal number",
    (sound) => inside(sound, ',"x":0x7'),
    /has "x" where "," or "\}" was expected/,
  ),
  ...Array.from({ length: 15 }, (_, index) =>
    edited(
      `${index + 1} of 16 parts`,
      (sound) => sound.slice(0, Math.floor((sound.length * (index + 1)) / 16)),
      /ends (within a string|where .+ was expected)/,
    ),
  ),
];

/** JSON, and not what belongs here. */
const documents: readonly BadFile[] = [
  edited("a duplicate name", (sound) => inside(sound, ',"x":1,"x":2'), /is there twice/),
  edited(
    "a duplicate name deep down",
    (sound) => inside(sound, ',"x":{"y":[{"z":1,"z":1}]}'),
    /is there twice/,
  ),
  holding("an array", "[]", /is an empty array, and must be an object/),
  holding("null", "null", /is null/),
  holding("true", "true", /is true, and must be an (object|array)/),
  holding("a number", "1", /is 1, and must be an (object|array)/),
  holding("a string", '"config"', /is "config", and must be an (object|array)/),
];

export const badFiles: readonly BadFile[] = [...kinds, ...encodings, ...syntax, ...documents];
