import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import type { Terminal } from "./terminal.ts";

/** Where podman keeps a user's images; undefined for root, whose place is the library's default. */
export function containersStorageRoot(env: Terminal["env"]): string | undefined {
  if (userInfo().uid === 0) return undefined;
  const data = env["XDG_DATA_HOME"];
  const base = data?.startsWith("/") === true ? data : join(env["HOME"] ?? homedir(), ".local", "share");
  return join(base, "containers", "storage");
}
