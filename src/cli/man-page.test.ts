import { commandPage, programPage } from "./man-page";

const options = { program: "tsoci", version: "1.2.3" };
const kill = {
  name: "kill",
  summary: "send a signal to a container's init",
  description: ".begins with a dot, and has a back\\slash",
  positionals: "<container-id> [signal]",
  flags: [
    { name: "all", short: "a", kind: "boolean", help: "every process" },
    { name: "old", kind: "boolean", help: "not shown", hidden: true },
    {
      name: "how",
      kind: "string",
      placeholder: "way",
      choices: ["a", "b"],
      default: "a",
      help: "how",
    },
  ],
} as const;

test("a command's page has its synopsis, its description and its flags", () => {
  expect(commandPage(options, kill)).toBe(`.TH TSOCI-KILL 8 "" "tsoci 1.2.3" "System Administration"
.SH NAME
tsoci\\-kill \\- send a signal to a container's init
.SH SYNOPSIS
\\fBtsoci kill\\fR [\\fIoptions\\fR] <container\\-id> [signal]
.SH DESCRIPTION
\\&.begins with a dot, and has a back\\eslash
.SH OPTIONS
.TP
\\fB\\-a\\fR, \\fB\\-\\-all\\fR
every process
.TP
\\fB\\-\\-how\\fR \\fIway\\fR
how; one of a, b; default: a
.TP
\\fB\\-h\\fR, \\fB\\-\\-help\\fR
show help
.SH SEE ALSO
\\fBtsoci\\fR(8)
`);
});

test("the program's page has all commands, and the flags before them", () => {
  const page = programPage(options, [kill]);

  expect(page).toContain(".TP\n\\fBkill\\fR\nsend a signal to a container's init\n");
  expect(page).toContain("\\fB\\-\\-systemd\\-cgroup\\fR");
  expect(page).toContain(".SH SEE ALSO\n\\fBtsoci\\-kill\\fR(8)\n");
});
