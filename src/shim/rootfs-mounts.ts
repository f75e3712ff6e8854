import { execFileSync } from "node:child_process";
export function mountRootfs(addon: any, mounts: readonly any[], dir: string) {
  for (const m of mounts)
    execFileSync("mount", ["-t", m.type, "-o", m.options.join(","), m.source, dir]);
}
export function unmountRootfs(addon: any, dir: string) {
  try {
    while (true) execFileSync("umount", ["-l", dir], { stdio: "ignore" });
  } catch {}
}
