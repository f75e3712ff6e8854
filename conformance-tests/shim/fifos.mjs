// Named pipes, by which a caller and the processes of a container talk.
import { execFileSync } from "node:child_process";
import { constants, openSync } from "node:fs";
import { Socket } from "node:net";

const mostArguments = 1000;

/** Makes them all, with few processes. */
export function makeFifos(paths) {
  for (let from = 0; from < paths.length; from += mostArguments) {
    execFileSync("mkfifo", paths.slice(from, from + mostArguments));
  }
}

/** Reads a fifo from before anybody writes to it until the last writer is gone. */
export class FifoReader {
  /** Ends with all that was written, when there was a writer and is none any more. */
  end;
  #socket;
  #parts = [];

  constructor(path) {
    // Without waiting for a writer, whom there may never be.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#socket = new Socket({ fd, readable: true, writable: false });
    this.#socket.on("data", (part) => this.#parts.push(part));
    this.end = new Promise((resolve, reject) => {
      this.#socket.on("close", () => resolve(this.text));
      this.#socket.on("error", reject);
    });
  }

  get text() {
    return Buffer.concat(this.#parts).toString();
  }

  close() {
    this.#socket.destroy();
  }
}
