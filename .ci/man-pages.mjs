// Writes what `make install` installs besides the program, from the tables of the command line: manual pages and
// completions. `node .ci/man-pages.mjs DIRECTORY`, after `make library` has compiled src/.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const [directory = "dist/share"] = process.argv.slice(2);
const load = createRequire(new URL("../build/js/cli/", import.meta.url));
const { commandNames, loadCommand } = load("./commands");
const { completionScript } = load("./completion");
const { commandPage, programPage } = load("./man-page");
const { build } = load("../version");

const program = "tsoci";
const commands = commandNames().map((name) => ({ name, ...loadCommand(name) }));
const options = { program, version: build.version };

const files = {
  [`man/man8/${program}.8`]: programPage(options, commands),
  ...Object.fromEntries(
    commands.map((command) => [
      `man/man8/${program}-${command.name}.8`,
      commandPage(options, command),
    ]),
  ),
  [`bash-completion/completions/${program}`]: completionScript("bash", program, commands),
  [`zsh/site-functions/_${program}`]: completionScript("zsh", program, commands),
  [`fish/vendor_completions.d/${program}.fish`]: completionScript("fish", program, commands),
};

// A command that is gone has no page any more.
rmSync(directory, { recursive: true, force: true });
for (const [name, text] of Object.entries(files)) {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
