import { commandNames, loadCommand } from "./commands";
import { helpText } from "./dispatch";
import { globalFlags } from "./global-flags";
import { nearestWord } from "./help";

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");

test("the help begins as runc's does, and names every command and global flag", async () => {
  const help = await helpText("tsoci");

  expect(linesOf(help).slice(0, 2)).toEqual([
    "NAME:",
    "   tsoci - Open Container Initiative runtime",
  ]);
  for (const name of commandNames()) expect(help).toContain(`tsoci ${name}`);
  for (const { name } of globalFlags) expect(help).toContain(`--${name} `);
});

test.each(commandNames())(
  "the help of %s names all its flags that are not hidden",
  async (name) => {
    const help = await helpText("runc", name);

    expect(linesOf(help)[0]).toBe("NAME:");
    expect(linesOf(help)[1]).toMatch(new RegExp(`^ {3}runc ${name} - `));
    for (const flag of loadCommand(name).flags)
      expect(help.includes(`--${flag.name} `)).toBe(flag.hidden !== true);
  },
);

test("help leaves process as it was", async () => {
  const before = process;

  await helpText("tsoci");

  expect(process).toBe(before);
});

test.each([
  ["strat", "start"],
  ["creat", "create"],
  ["foo", undefined],
  ["frobnicate", undefined],
])("the command nearest to %s is %s", async (word, nearest) => {
  expect(await nearestWord(word, commandNames())).toBe(nearest);
});
