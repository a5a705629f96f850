import { lstatSync, readdirSync } from "node:fs";
import { assertNotAborted, sleep } from "../base/index.ts";
import { fileError } from "../content/index.ts";

const FILES_A_TURN = 1000;
const BLOCK_BYTES = 512;
const SLASH = Buffer.from("/");

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
  const pending: Buffer[] = [Buffer.from(directory)];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (++files % FILES_A_TURN === 0) {
      assertNotAborted(signal);
      await sleep(0);
    }
    const stats = attempt(path, (place) => lstatSync(place, { throwIfNoEntry: false }));
    if (stats === undefined) continue;
    if (stats.isDirectory()) {
      const names = attempt(path, (place) => readdirSync(place, { encoding: "buffer" })) ?? [];
      for (const name of names) pending.push(Buffer.concat([path, SLASH, name]));
    } else if (stats.nlink > 1) {
      const inode = `${stats.dev} ${stats.ino}`;
      if (seen.has(inode)) continue;
      seen.add(inode);
    }
    inodes++;
    bytes += stats.blocks * BLOCK_BYTES;
  }
  return { bytes, inodes };
}

function attempt<T>(path: Buffer, action: (path: Buffer) => T): T | undefined {
  try {
    return action(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path.toString());
  }
}
