import { lstatSync, readdirSync, type Stats } from "node:fs";
import { assertNotAborted, sleep } from "../base/index.ts";
import { fileError } from "../content/index.ts";
import { type Entered, enter, leave, type Reach, reach, within } from "./reach.ts";

const FILES_A_TURN = 1000;
const BLOCK_BYTES = 512;

/** What a tree takes on its disk, as `du` counts it. */
export interface TreeSize {
  /** Of blocks that are in use: holes are none, and a file with several names counts once. */
  readonly bytes: number;
  readonly inodes: number;
}

/** Measures a directory and all below it, itself included. Files that go meanwhile are not counted. @throws StrataError as `fileError` */
export async function measureTree(
  directory: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<TreeSize> {
  const seen = new Set<string>();
  let [bytes, inodes, files] = [0, 0, 0];
  for (const stats of allFiles(directory)) {
    if (++files % FILES_A_TURN === 0) {
      assertNotAborted(signal);
      await sleep(0);
    }
    if (!stats.isDirectory() && stats.nlink > 1) {
      const inode = `${stats.dev} ${stats.ino}`;
      if (seen.has(inode)) continue;
      seen.add(inode);
    }
    inodes++;
    bytes += stats.blocks * BLOCK_BYTES;
  }
  return { bytes, inodes };
}

function* allFiles(directory: string): Generator<Stats> {
  const pending: Reach[] = [reach(directory)];
  const entered: Entered[] = [];
  try {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      // What is entered lies in the list below what is in it: then all of that is done.
      if (next === entered.at(-1)) {
        leave(entered.pop() as Entered);
        continue;
      }
      const stats = unlessGone(next, ({ path }) => lstatSync(path, { throwIfNoEntry: false }));
      if (stats === undefined) continue;
      yield stats;
      const inside = stats.isDirectory() ? unlessGone(next, enter) : undefined;
      if (inside === undefined) continue;
      entered.push(inside);
      pending.push(inside);
      const names = unlessGone(inside, ({ path }) => readdirSync(path, { encoding: "buffer" })) ?? [];
      for (const name of names) pending.push(within(inside, name));
    }
  } catch (error) {
    throw fileError(error, directory);
  } finally {
    for (const each of entered) leave(each);
  }
}

function unlessGone<T>(file: Reach, action: (file: Reach) => T): T | undefined {
  try {
    return action(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
