import { commands, globalFlags, isCommandName } from "./flags";
import { formatHelp, nearestWord } from "./help";

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");

test("the help begins as runc's does, and names every command and global flag", async () => {
  const help = await formatHelp("tsoci");

  expect(linesOf(help).slice(0, 2)).toEqual([
    "NAME:",
    "   tsoci - Open Container Initiative runtime",
  ]);
  for (const name of Object.keys(commands)) expect(help).toContain(`tsoci ${name}`);
  for (const { name } of globalFlags) expect(help).toContain(`--${name} `);
});

test.each(Object.keys(commands))(
  "the help of %s names all its flags that are not hidden",
  async (name) => {
    if (!isCommandName(name)) throw new Error(name);
    const help = await formatHelp("runc", name);

    expect(linesOf(help)[0]).toBe("NAME:");
    expect(linesOf(help)[1]).toMatch(new RegExp(`^ {3}runc ${name} - `));
    const flags: readonly { name: string; hidden?: true }[] = commands[name].flags;
    for (const flag of flags) expect(help.includes(`--${flag.name} `)).toBe(flag.hidden !== true);
  },
);

test("help leaves process as it was", async () => {
  const before = process;

  await formatHelp("tsoci");

  expect(process).toBe(before);
});

test.each([
  ["strat", "start"],
  ["creat", "create"],
  ["foo", undefined],
  ["frobnicate", undefined],
])("the command nearest to %s is %s", async (word, nearest) => {
  expect(await nearestWord(word, Object.keys(commands))).toBe(nearest);
});
