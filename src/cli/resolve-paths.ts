import { StrataError } from "../base/index.ts";
import type { Slot } from "../union/index.ts";
import { exitCodeOf } from "./exit-code.ts";
import { printError } from "./print-error.ts";
import type { Terminal } from "./terminal.ts";
import { type FindPathOptions, findPath, type View } from "./view.ts";

export interface ResolvedPath {
  /** As the user wrote it. */
  readonly path: string;
  readonly slot: Slot;
}

export interface ResolvePathsOptions extends FindPathOptions {
  readonly terminal: Terminal;
  readonly json?: boolean | undefined;
}

/** The paths that exist. Each other one is reported at once and decides the exit code, as with all of Unix's tools. */
export async function resolvePaths(
  view: View,
  paths: readonly string[],
  { terminal, json = false, followLast }: ResolvePathsOptions,
): Promise<ResolvedPath[]> {
  const found: ResolvedPath[] = [];
  for (const path of paths) {
    try {
      found.push({ path, slot: findPath(view, path, { followLast }) });
    } catch (error) {
      if (!(error instanceof StrataError)) throw error;
      await printError(error, json, terminal);
      terminal.exitWith(exitCodeOf(error));
    }
  }
  return found;
}
