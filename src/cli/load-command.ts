import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { constants, Script } from "node:vm";
import type { runProcess } from "./run-process.ts";

/** What the command's bundle offers. */
export interface Command {
  readonly runProcess: typeof runProcess;
}

type Wrapped = (exports: unknown, require: NodeJS.Require, module: unknown, file: string, directory: string) => void;

/**
 * Loads the bundle of the command from a directory, with the code that V8 made of it when the package was built, where
 * that was this very V8: compiling anew takes longer than listing an image from the cache (docs/adr/0010).
 */
export function loadCommand(directory: string): Command {
  const path = join(directory, "command.js");
  const require = createRequire(path);
  const compiled = readCompiled(join(directory, compiledName()));
  if (compiled === undefined) {
    // Node ≥ 22.8 can keep compiled code by itself; earlier versions lack the function.
    (Module as { enableCompileCache?: () => unknown }).enableCompileCache?.();
    return require(path) as Command;
  }
  const module = { exports: {} };
  (compileCommand(path, compiled).runInThisContext() as Wrapped)(module.exports, require, module, path, directory);
  return module.exports as Command;
}

/** The bundle, compiled; quickly where `compiled` fits it and this V8, which judges that by itself. */
export function compileCommand(path: string, compiled?: Buffer): Script {
  // The bundle is plain ASCII: as latin1 it needs no decoding.
  return new Script(Module.wrap(readFileSync(path, "latin1")), {
    filename: path,
    ...(compiled && { cachedData: compiled }),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
}

/** Name of the file beside the bundle that holds code for the V8 that is running. */
export function compiledName(): string {
  return `command-${process.versions.v8}-${process.arch}.bin`;
}

function readCompiled(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
