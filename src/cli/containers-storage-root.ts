import { join } from "node:path";
import process from "node:process";
import type { Terminal } from "./terminal.ts";
import { dataDirectory } from "./user-directories.ts";

/** Where podman keeps a user's images; undefined for root, whose place is the library's default. */
export function containersStorageRoot(env: Terminal["env"]): string | undefined {
  if (process.geteuid?.() === 0) return undefined;
  return join(dataDirectory(env), "containers", "storage");
}
