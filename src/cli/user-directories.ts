import { homedir } from "node:os";
import { join } from "node:path";
import type { Terminal } from "./terminal.ts";

/** The user's home. */
export function homeDirectory(env: Terminal["env"]): string {
  return env["HOME"] ?? homedir();
}

/** Where a user's programs keep what must last (XDG Base Directory Specification). */
export function dataDirectory(env: Terminal["env"]): string {
  return absolute(env["XDG_DATA_HOME"]) ?? join(homeDirectory(env), ".local", "share");
}

/** Where they keep what can be made again. */
export function cacheDirectory(env: Terminal["env"]): string {
  return absolute(env["XDG_CACHE_HOME"]) ?? join(homeDirectory(env), ".cache");
}

/** The specification has relative paths ignored. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith("/") === true ? path : undefined;
}
