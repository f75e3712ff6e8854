import { closeFile } from "../host/files";
import type { ShimContext } from "./context";

/** Waits for the end of a process that this shim has started, and takes that from the kernel, but not before `settled`. */
export async function collectChild(
  { addon, children }: Pick<ShimContext, "addon" | "children">,
  { pid, pidfd }: { readonly pid: number; readonly pidfd: number },
  settled?: Promise<unknown>,
): Promise<{ readonly status: number; readonly signal: number }> {
  await addon.waitReadableAsync({ fd: pidfd, timeoutMs: -1 });
  await settled;
  const end = addon.reapPidfd({ pidfd });
  children.delete(pid);
  closeFile(pidfd);
  return end;
}
