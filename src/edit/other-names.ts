import type { ByteString } from "../base/index.ts";
import { clampEntryName } from "../tree/index.ts";
import type { LoadFiles } from "./loaded-files.ts";
import { removedPlaces } from "./remove-path-targets.ts";

/**
 * Paths that in some layer are further names of a file at `path` or below it: hardlinks, which `removePath` leaves with the
 * file's bytes. In ascending byte order.
 */
export async function otherNames(files: LoadFiles, path: ByteString): Promise<ByteString[]> {
  const { layers, provenance } = await files();
  const tree = provenance();
  const places = removedPlaces(tree, clampEntryName(path));
  const removed = new Set<number>();
  const others: { readonly slot: number; readonly inode: number }[] = [];
  for (const { number } of layers) {
    for (const { slot, node } of tree.events(number)) {
      if (node === undefined) continue;
      if (places.has(slot)) removed.add(node.inode);
      else others.push({ slot, inode: node.inode });
    }
  }
  const names = others.filter(({ inode }) => removed.has(inode)).map(({ slot }) => tree.pathOf(slot));
  return [...new Set(names)].sort();
}
