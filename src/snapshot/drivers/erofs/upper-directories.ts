import { promises as fs } from "node:fs";
import { join } from "node:path";
import { fileError, syncDirectory } from "../../../content/index.ts";
import { removeTree } from "../../remove-tree.ts";
import type { NewSnapshot } from "../../snapshot-driver.ts";
import { asEmptyRoot } from "../empty-root.ts";
import { copyAttributes } from "../overlay/copy-attributes.ts";

/** Where an active snapshot takes what is written to it; where nothing is below, the tree itself. */
export function upperOf({ directory }: NewSnapshot): string {
  return join(directory, "fs");
}

/** Overlayfs's own. */
export function workOf({ directory }: NewSnapshot): string {
  return join(directory, "work");
}

/** Makes both, empty. The upper is the root of what will be seen, so it is as the root of the chain below is. */
export async function makeUpper(snapshot: NewSnapshot, lower: string | undefined): Promise<void> {
  const upper = upperOf(snapshot);
  try {
    await fs.mkdir(upper);
    await asEmptyRoot(upper);
    if (lower === undefined) return;
    await fs.mkdir(workOf(snapshot), { mode: 0o700 });
    copyAttributes(lower, upper);
  } catch (error) {
    throw fileError(error, snapshot.directory, "write");
  }
  await syncDirectory(upper);
}

/** Deletes both: of a committed snapshot, which is a tar and needs them no more. */
export async function removeWritten(snapshot: NewSnapshot): Promise<void> {
  for (const path of [upperOf(snapshot), workOf(snapshot)]) await removeTree(path);
}
