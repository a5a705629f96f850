import Module, { createRequire } from "node:module";
import { join } from "node:path";
import { ModuleGroups } from "./module-groups.ts";
import type { runProcess } from "./run-process.ts";

/** What the command's program offers. */
export interface Command {
  readonly runProcess: typeof runProcess;
}

/** Its module, beside those that it requires. */
const COMMAND_MODULE = "./command.js";

/**
 * Loads the command's modules from a directory, with the code that V8 made of them when the package was built, where that
 * was this very V8: compiling anew takes longer than listing an image from the cache (docs/adr/0019).
 */
export function loadCommand(directory: string): Command {
  const groups = ModuleGroups.open(directory);
  if (groups !== undefined) return groups.require(COMMAND_MODULE) as Command;
  // Node ≥ 22.8 can keep compiled code by itself; earlier versions lack the function.
  (Module as { enableCompileCache?: () => unknown }).enableCompileCache?.();
  return createRequire(join(directory, COMMAND_MODULE))(COMMAND_MODULE) as Command;
}
