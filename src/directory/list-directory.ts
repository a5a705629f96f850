import { setImmediate as nextTurn } from "node:timers/promises";
import { assertNotAborted } from "../base/index.ts";
import { LayerIndexBuilder } from "../layer/index.ts";
import type { TarEntry } from "../tar/index.ts";
import { DirectoryWalk } from "./directory-walk.ts";
import { FileNumbers, type ListedDirectory, listedFiles } from "./listed-files.ts";

const ENTRIES_PER_TURN = 2000;

/** How a directory is listed. */
export interface ListDirectoryOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told each entry in turn, from the first; gives it as it shall be listed, under the same name. */
  readonly map?: ((entry: TarEntry) => TarEntry) | undefined;
  /** What to do with a directory that may not be read: give up (default), or list it as empty with a notice. */
  readonly unreadable?: "fail" | "skip" | undefined;
}

/**
 * Walks a directory as a layer: parents before children, siblings in the order of their bytes, links never followed.
 * Names are byte-exact and relative to the directory, which is itself the first entry, `./`. Further names of one inode
 * are hardlinks to the first. Sockets are left out, and what is mounted inside: `/proc` is no part of an image.
 *
 * @throws StrataError as `fileError` when the directory is none, or something in it may not be read; `aborted`
 */
export async function listDirectory(
  directory: string,
  { signal, map, unreadable = "fail" }: ListDirectoryOptions = {},
): Promise<ListedDirectory> {
  const walk = new DirectoryWalk(directory, unreadable);
  const builder = new LayerIndexBuilder();
  const files = new FileNumbers();
  for (const { entry, status } of walk.entries()) {
    builder.add(map?.(entry) ?? entry);
    files.add(status);
    if (files.count % ENTRIES_PER_TURN > 0) continue;
    assertNotAborted(signal);
    await nextTurn();
  }
  const index = builder.finish();
  return listedFiles(index, {
    files,
    notices: walk.notices,
    placeOf: (entry) => ({ directory, name: index.name(entry) }),
  });
}
