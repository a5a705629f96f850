import { lstatSync, mkdirSync, statSync } from "node:fs";
import { fileError } from "../../content/index.ts";

/** What is at a place on the host where something shall be written. Symlinks that the user names are followed. */
export type DestinationKind = "absent" | "directory" | "other";

/** @throws StrataError when the place cannot be looked at */
export function destinationKind(path: string): DestinationKind {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined) return found.isDirectory() ? "directory" : "other";
    // A dangling link is there all the same.
    return lstatSync(path, { throwIfNoEntry: false }) === undefined ? "absent" : "other";
  } catch (error) {
    throw fileError(error, path, "write");
  }
}

/** Makes one directory. */
export function createDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    throw fileError(error, path, "write");
  }
}
