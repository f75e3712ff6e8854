import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** What says that a report is one; warnings are none. */
const isReport =
  /ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error: |uninitialised (value|byte)|Invalid (read|write|free)/;

/** A leak is ours when our code is in it: an engine and the tools that tests call have their own. */
const isOurs =
  /\/native\/(addon|init|launcher|sys|wire|tests\/sanitizers)\/|tsoci\.node|defects\.node/;

/** Leaks that are known, each with its reason. */
const knownLeaks = [
  // Node-API gives no way to let go of a promise that is neither resolved nor rejected, and of a thread that ends
  // nothing can be settled any more.
  /napi_create_promise/,
];

/** The reports of one suite: a directory, and the file of what init and the launcher report. */
export class Reports {
  constructor(dir, initFile) {
    this.dir = dir;
    this.initFile = initFile;
    this.clear();
  }

  clear() {
    rmSync(this.dir, { recursive: true, force: true });
    mkdirSync(this.dir, { recursive: true });
    // Containers' users write here too.
    if (this.initFile !== undefined) rmSync(this.initFile, { force: true });
  }

  /** What the sanitizers are told: leaks alone do not end a program, as most are an engine's. */
  get options() {
    return this.optionsWith("detect_leaks=1:exitcode=0");
  }

  /** For commands, which end when they are done and need not let go of anything. */
  get commandOptions() {
    return this.optionsWith("detect_leaks=0");
  }

  optionsWith(own) {
    const common = "abort_on_error=1:detect_stack_use_after_return=1";
    return `${common}:${own}:log_path=${join(this.dir, "address")}`;
  }

  /** All reports there are, and those in what the suite has printed. */
  found(printed = "") {
    const files = readdirSync(this.dir).map((name) => join(this.dir, name));
    const texts = [...files, this.initFile].map(read);
    return [...texts, printed].flatMap((text) => [...reportsIn(text), ...leaksIn(text)]);
  }
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Each report: the line that names it, and a little of what follows. */
function reportsIn(text) {
  const lines = text.split("\n");
  return lines.flatMap((line, index) =>
    isReport.test(line) ? [lines.slice(index, index + 12).join("\n")] : [],
  );
}

function leaksIn(text) {
  return text
    .split("\n\n")
    .filter((block) => /^(Direct|Indirect) leak of /.test(block))
    .filter((block) => isOurs.test(block) && !knownLeaks.some((known) => known.test(block)));
}
