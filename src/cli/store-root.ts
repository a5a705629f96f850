import { join } from "node:path";
import process from "node:process";
import type { Terminal } from "./terminal.ts";
import { dataDirectory } from "./user-directories.ts";

/** The options of every verb that uses the local store. */
export interface StoreOptions {
  readonly root?: string;
}

/** Where the local store lies: `--root`, `STRATA_ROOT`, `/var/lib/strata` for root, else in the user's data directory. */
export function storeRoot({ root }: StoreOptions, env: Terminal["env"]): string {
  const chosen = root ?? env["STRATA_ROOT"];
  if (chosen !== undefined && chosen !== "") return chosen;
  if (process.geteuid?.() === 0) return "/var/lib/strata";
  return join(dataDirectory(env), "strata");
}
