import { chmodSync, type Dirent, lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileError } from "../content/index.ts";
import { type Entered, enter, leave, type Reach, reach, within } from "../directory/index.ts";

const OWNER_MAY_ALL = 0o700;
/** So many files until others get a turn. */
const FILES_A_TURN = 200;

/** A directory that is being emptied. */
interface OpenDirectory {
  readonly self: Reach;
  readonly inside: Entered;
  readonly files: Dirent<Buffer>[];
}

/**
 * Deletes a directory with all below it, however deep; nothing there is no error. Directories that their owner has closed are
 * opened: images have some, and only root passes them as they are. Links are not followed.
 * @throws StrataError as `fileError`: then a part may be gone
 */
export async function removeTree(path: string): Promise<void> {
  const open: OpenDirectory[] = [];
  try {
    const top = reach(path);
    const stats = lstatSync(top.path, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) begin(top, open);
    else if (stats !== undefined) unlinkSync(top.path);
    for (let steps = 1; step(open); steps++) if (steps % FILES_A_TURN === 0) await nextTurn();
  } catch (error) {
    throw fileError(error, path, "write");
  } finally {
    for (const { inside } of open) leave(inside);
  }
}

/** Removes one file, or one directory that is empty by now. @returns whether there may be more */
function step(open: OpenDirectory[]): boolean {
  const top = open.at(-1);
  if (top === undefined) return false;
  const file = top.files.pop();
  if (file === undefined) {
    open.pop();
    leave(top.inside);
    unlessGone(() => rmdirSync(top.self.path));
  } else if (file.isDirectory()) unlessGone(() => begin(within(top.inside, file.name), open));
  else unlessGone(() => unlinkSync(within(top.inside, file.name).path));
  return true;
}

function begin(self: Reach, open: OpenDirectory[]): void {
  const inside = entered(self);
  try {
    const files = readdirSync(inside.path, { encoding: "buffer", withFileTypes: true });
    open.push({ self, inside, files });
  } catch (error) {
    leave(inside);
    throw error;
  }
}

/** In a directory that its owner may not list, or not change, nothing could be removed. */
function entered(self: Reach): Entered {
  const { mode } = lstatSync(self.path);
  if ((mode & OWNER_MAY_ALL) !== OWNER_MAY_ALL) chmodSync(self.path, OWNER_MAY_ALL);
  return enter(self);
}

function unlessGone(action: () => void): void {
  try {
    action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
