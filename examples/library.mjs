// Runs a container from a program, and waits for it while the program goes on with its own work.
//
//   node examples/library.mjs BUNDLE [STATE_ROOT]      as root, after `make library`
import { describeError, Runtime, RuntimeError } from "tsoci";

const [bundle, root] = process.argv.slice(2);
if (bundle === undefined) {
  console.error("usage: node examples/library.mjs BUNDLE [STATE_ROOT]");
  process.exit(2);
}

const runtime = new Runtime(root === undefined ? {} : { root });
const id = `example-${process.pid}`;

const { valid, issues } = runtime.validate(bundle);
for (const { line, column, pointer, message } of issues) {
  console.error(`config.json:${line}:${column}: ${pointer} ${message}`);
}
if (!valid) process.exit(1);

try {
  runtime.create({ id, bundle });
  console.log(`${id} is ${runtime.state(id).status}`);

  runtime.start(id);
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 10);
  const { status, signal } = await runtime.wait(id);
  clearInterval(timer);

  console.log(`its program ended with status ${status}, signal ${signal}`);
  console.log(`meanwhile the timer of this program went off ${ticks > 0 ? "too" : "never"}`);
} catch (error) {
  if (!(error instanceof RuntimeError)) throw error;
  console.error(`${error.code}: ${describeError(error)}`);
  process.exitCode = 1;
} finally {
  runtime.delete(id, { force: true });
}
