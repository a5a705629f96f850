import { type Notice, type WalkedDirectory, walkDirectory } from "../directory/index.ts";
import { type TreeTarOptions, treeTar } from "../layer/index.ts";
import type { TarEntry } from "../tar/index.ts";
import { type DirectoryTreeOptions, listingOptions } from "./directory-tree.ts";

/** The layer that holds all of a directory. */
export interface DirectoryTar {
  /**
   * The uncompressed tar: the bytes of the changeset that makes {@link directoryTree} out of nothing. Each call walks anew, and
   * its bytes come while it does.
   * @throws StrataError while it is read: as `directoryTree` and `Changeset.tar`
   */
  tar(options?: TreeTarOptions): AsyncIterable<Uint8Array>;
  /** Entries so far, in the last walk; all of them when its bytes have been read. */
  readonly entryCount: number;
  /** As {@link entryCount}. */
  readonly notices: readonly Notice[];
}

/**
 * A directory as a layer, written while it is listed: nothing is kept of what has been written.
 * @throws StrataError as `fileError` when it is none
 */
export function directoryTar(path: string, options: DirectoryTreeOptions = {}): DirectoryTar {
  const { map, ...listing } = listingOptions(options);
  let entryCount = 0;
  const counted = (entry: TarEntry): TarEntry => {
    entryCount++;
    return map(entry);
  };
  const walk = (): WalkedDirectory => walkDirectory(path, { ...listing, map: counted });
  let tree = walk();
  return {
    tar(output) {
      entryCount = 0;
      tree = walk();
      return treeTar(tree, output);
    },
    get entryCount() {
      return entryCount;
    },
    get notices() {
      return tree.notices;
    },
  };
}
