import { existsSync } from "node:fs";
import { join } from "node:path";

/** Test data beside the project: real output of real tools, and archives that broke other readers. Not everyone has it. */
const SHARED_DATA = join(import.meta.dirname, "../../../shared/data");

/** The path of a file or directory of the shared test data, whether or not it is there. */
export function sharedData(path: string): string {
  return join(SHARED_DATA, path);
}

/** Why a suite cannot read the shared data: for `requireOrSkip(name, hasSharedData("tar-corpus"), noSharedData("tar-corpus"))`. */
export function noSharedData(path: string): string {
  return `${sharedData(path)} is not there`;
}

/** Whether the shared test data holds `path`. */
export function hasSharedData(path: string): boolean {
  return existsSync(sharedData(path));
}
