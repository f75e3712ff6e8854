import { readFileSync } from "node:fs";
import type { Config } from "./config";

export interface Rule {
  names: readonly string[];
  action: string;
  errnoRet?: number;
  args?: readonly { index: number; op: string; value: number; valueTwo?: number }[];
}

/** A profile that lets through what no rule names. */
export function allowBut(config: Config, ...syscalls: readonly Rule[]): Record<string, unknown> {
  const seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls };
  config.linux.seccomp = seccomp;
  return seccomp;
}

const headers = [
  "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
  "/usr/include/asm-generic/unistd.h",
];

/** The numbers of the machine's own system calls, by the headers that the probe is compiled with. */
export function systemCalls(): Map<string, number> {
  for (const header of process.arch === "x64" ? headers : headers.slice(1)) {
    try {
      const text = readFileSync(header, "utf8");
      const found = [...text.matchAll(/^#define __NR(?:3264)?_(\w+) (\d+)$/gm)];
      return new Map(found.map(([, name = "", number]) => [name, Number(number)]));
    } catch {
      // Another header has them.
    }
  }
  throw new Error("no header tells the numbers of system calls");
}
