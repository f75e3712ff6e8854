import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { Options } from "../../src/generated/shim/options";
import { pack } from "../../src/shim/any";
import { StatusCode } from "../../src/shim/ttrpc/status";
import { until } from "../support/background";
import { withUserNamespace } from "../support/config";
import { shows } from "../support/shows";
import { refusalOf, type Shim, shell, shimSuite, useShims, waits } from "./use-shims";

const contract = "containerd's runtime v2";
const echo = shell('while read line; do echo "got $line"; done; echo ended');

/** What a descriptor of a process is, as `stat` tells it. */
const fileOf = (pid: number, fd: number) => {
  const { dev, ino } = statSync(`/proc/${pid}/fd/${fd}`);
  return { dev, ino };
};
const fileAt = (path: string) => {
  const { dev, ino } = statSync(path);
  return { dev, ino };
};

/** Writes into a fifo that somebody reads, and goes again. */
function writeTo(path: string, text: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  writeSync(fd, text);
  closeSync(fd);
}

shimSuite("shim: streams", () => {
  const world = useShims();

  shows("promise", "a process has its fifos themselves", async () => {
    const streams = world().fifos("stdin", "stdout", "stderr");
    const own = world().fifos("stdin", "stdout", "stderr");
    const { shim, id, pid } = await world().running(waits, {}, streams);

    const execPid = await shim.runExec(id, "e", waits, own);

    for (const [process, paths] of [
      [pid, streams],
      [execPid, own],
    ] as const) {
      const files = [0, 1, 2].map((fd) => fileOf(process, fd));
      expect(files).toEqual([paths.stdin, paths.stdout, paths.stderr].map(fileAt));
    }
    await shim.end(id);
  });

  shows(contract, "streams that are not named lead nowhere", async () => {
    const { pid } = await world().running();

    const paths = [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    expect(paths).toEqual(["/dev/null", "/dev/null", "/dev/null"]);
  });

  shows(
    contract,
    "a reader may go and another come, and the writer hears nothing of it",
    async () => {
      const streams = world().fifos("stdin", "stdout");
      const first = world().reader(streams.stdout);
      const { shim, id } = await world().running(echo, {}, streams);
      writeTo(streams.stdin, "one\n");
      await until("the first line", () => first.text === "got one\n");
      first.close();

      writeTo(streams.stdin, "two\n");
      writeTo(streams.stdin, "three\n");
      const second = world().reader(streams.stdout);
      await until("the others", () => second.text === "got two\ngot three\n");

      await shim.call("closeIO", { id, stdin: true });
      expect(await second.end).toBe("got two\ngot three\nended\n");
      expect((await shim.call("wait", { id })).exitStatus).toBe(0);
    },
  );

  shows(contract, "input ends by CloseIO, and not with who writes", async () => {
    const streams = world().fifos("stdin", "stdout");
    const output = world().reader(streams.stdout);
    const { shim, id } = await world().running(shell("cat; echo ended"), {}, streams);
    for (const part of ["a", "b"]) {
      writeTo(streams.stdin, part);
      await until("it to be there", () => output.text.endsWith(part));
    }
    expect(await shim.call("state", { id })).toMatchObject({ status: 2 });

    const writer = openSync(streams.stdin, constants.O_WRONLY | constants.O_NONBLOCK);
    await shim.call("closeIO", { id, stdin: false });
    await shim.call("closeIO", { id, stdin: true });
    await shim.call("closeIO", { id, stdin: true });
    // Whoever still writes is heard.
    writeSync(writer, "c");
    closeSync(writer);

    expect(await output.end).toBe("abcended\n");
    expect((await shim.call("wait", { id })).exitStatus).toBe(0);
  });

  shows(contract, "what nobody reads is kept until somebody comes", async () => {
    const streams = world().fifos("stdout", "stderr");
    const text = shell("echo kept; echo too >&2");
    const { shim, id } = await world().running(text, {}, streams);
    await shim.call("wait", { id });

    const readers = [world().reader(streams.stdout), world().reader(streams.stderr)];

    expect(await Promise.all(readers.map(({ end }) => end))).toEqual(["kept\n", "too\n"]);
    expect((await shim.call("delete", { id })).exitStatus).toBe(0);
  });

  shows(contract, "a reader has the end of the output with the end of the process", async () => {
    const streams = world().fifos("stdin", "stdout", "stderr");
    const output = world().reader(streams.stdout);
    let hasEnded = false;
    const end = output.end.then((text: string) => {
      hasEnded = true;
      return text;
    });
    const closes = shell("echo said; exec >&-; echo closed >&2; read line");
    const { shim, id } = await world().running(closes, {}, streams);
    const errors = world().reader(streams.stderr);
    await until("it to be closed", () => errors.text === "closed\n");
    // The end would have come before the answers.
    for (let call = 0; call < 3; call++) await shim.call("state", { id });
    expect([output.text, hasEnded]).toEqual(["said\n", false]);

    writeTo(streams.stdin, "\n");

    expect(await end).toBe("said\n");
  });

  shows(contract, "one fifo may be both outputs", async () => {
    const { stdout } = world().fifos("stdout");
    const output = world().reader(stdout);

    await world().running(shell("echo one; echo two >&2"), {}, { stdout, stderr: stdout });

    expect(await output.end).toBe("one\ntwo\n");
  });

  shows(contract, "a terminal is copied, has the size that it is given, and ends", async () => {
    const streams = world().fifos("stdin", "stdout");
    const output = world().reader(streams.stdout);
    const sizes = shell("stty size; read a; stty size; read b; exit 4");
    const { shim, id, pid } = await world().running(
      sizes,
      {
        edit: ({ process, mounts }) => {
          Object.assign(process ?? {}, { terminal: true, consoleSize: { height: 5, width: 7 } });
          mounts.push({ destination: "/dev/pts", type: "devpts", source: "devpts" });
        },
      },
      { ...streams, terminal: true },
    );
    await until("the first size", () => output.text.includes("5 7"));
    expect(readlinkSync(`/proc/${pid}/fd/0`)).toBe("/dev/pts/0");
    expect(await shim.call("state", { id })).toMatchObject({ terminal: true, ...streams });

    await shim.call("resizePty", { id, width: 90, height: 11 });
    writeTo(streams.stdin, "a\n");
    await until("the second size", () => output.text.includes("11 90"));
    writeTo(streams.stdin, "b\n");

    expect((await shim.call("wait", { id })).exitStatus).toBe(4);
    expect(await output.end).toBe("5 7\r\na\r\n11 90\r\nb\r\n");
  });

  shows(contract, "an exec has a terminal of its own", async () => {
    const { shim, id } = await world().running(waits, {
      edit: ({ mounts }) => {
        mounts.push({ destination: "/dev/pts", type: "devpts", source: "devpts" });
      },
    });
    const streams = world().fifos("stdin", "stdout");
    const output = world().reader(streams.stdout);
    const asked = { ...streams, terminal: true };
    const edit = { terminal: true };

    await shim.runExec(id, "e", shell("read line; stty size; tty; exit 6"), asked, edit);
    await shim.call("resizePty", { id, execId: "e", width: 90, height: 11 });
    writeTo(streams.stdin, "\n");

    expect((await shim.call("wait", { id, execId: "e" })).exitStatus).toBe(6);
    expect(await output.end).toBe("\r\n11 90\r\n/dev/pts/0\r\n");
    await shim.end(id);
  });

  shows(contract, "a terminal's process that is not read is not held up by its end", async () => {
    const streams = world().fifos("stdin", "stdout");
    const bundle = world().bundle(shell("echo kept"), {
      edit: ({ process, mounts }) => {
        Object.assign(process ?? {}, { terminal: true });
        mounts.push({ destination: "/dev/pts", type: "devpts", source: "devpts" });
      },
    });
    const shim = await world().start(bundle);
    await shim.run(bundle, { ...streams, terminal: true });
    expect((await shim.call("wait", { id: bundle.id })).exitStatus).toBe(0);

    const output = world().reader(streams.stdout);

    expect(await output.end).toBe("kept\r\n");
  });

  shows(
    contract,
    "IoUid and IoGid own the streams, as root of a user namespace has to",
    async () => {
      const options = { ...Options.decode(new Uint8Array()), root: world().stateRoot };
      const [ioUid, ioGid] = [100_000, 200_000];
      world().program.options = pack(Options, { ...options, ioUid, ioGid });
      const streams = world().fifos("stdin", "stdout", "stderr");

      await world().running(waits, { edit: (config) => withUserNamespace(config, ioUid) }, streams);

      for (const path of Object.values(streams)) {
        expect(statSync(path)).toMatchObject({ uid: ioUid, gid: ioGid });
      }
    },
  );

  /** Its threads come when they are needed, and then stay. */
  const openFilesOf = ({ pid }: Shim) =>
    readdirSync(`/proc/${pid}/fd`)
      .map((fd) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${fd}`);
        } catch {
          return "";
        }
      })
      .filter((path) => path.startsWith(world().dir) || path.startsWith("pipe:"));

  for (const [what, streams] of [
    ["a stdin that is not there", { stdin: "/there/is/none" }],
    ["a stdout that is not there", { stdout: "there" }],
    ["a stderr that is not there", { stderr: "there" }],
    ["a stdout of a scheme that is none", { stdout: "nonsense:///there" }],
    ["a logger that is not there", { stdout: "binary:///there/is/none" }],
    ["a log file that cannot be", { stdout: "file:///proc/none" }],
  ] as const) {
    shows("promise", `with ${what} nothing is created and nothing stays open`, async () => {
      const bundle = world().bundle();
      const shim = await world().start(bundle);
      const good = world().fifos("stdin", "stdout", "stderr");
      const bad = Object.fromEntries(
        Object.entries(streams).map(([name, path]) => [
          name,
          path === "there" ? join(world().dir, "no", path) : path,
        ]),
      );
      const before = openFilesOf(shim);

      const { message } = await refusalOf(shim.create(bundle, { ...good, ...bad }));

      expect(message).toContain(Object.values(bad)[0]?.replace(/^(file|binary):\/\//, ""));
      expect(openFilesOf(shim)).toEqual(before);
      expect(existsSync(join(world().dir, "no"))).toBe(false);
      const { status } = await refusalOf(shim.call("state", { id: bundle.id }));
      expect(status).toBe(StatusCode.notFound);
      expect(world().leftovers()).toEqual([`socket ${shim.socketPath}`]);
      // The same can be created when it is asked for as it should be.
      await shim.run(bundle, good);
    });
  }

  shows("promise", "nothing of a process stays open when it is deleted", async () => {
    const { shim, id } = await world().running();
    const run = async (execId: string) => {
      const streams = world().fifos("stdin", "stdout", "stderr");
      await shim.runExec(id, execId, shell("echo said"), streams);
      await shim.call("wait", { id, execId });
      await shim.call("delete", { id, execId });
    };
    const before = openFilesOf(shim);

    for (const execId of ["e1", "e2", "e3"]) await run(execId);

    expect(openFilesOf(shim)).toEqual(before);
    expect(shim.log.text).toBe("");
  });

  shows(contract, "a file that is there may be an output, and is written to", async () => {
    const stdout = join(world().dir, "output");
    writeFileSync(stdout, "before\n");
    const { shim, id } = await world().running(shell("echo behind"), {}, { stdout });

    await shim.call("wait", { id });
    await shim.call("delete", { id });

    expect(readFileSync(stdout, "utf8")).toBe("before\nbehind\n");
  });
});
