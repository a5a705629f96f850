import type { ByteSource, ByteString } from "../base/index.ts";
import { type LayerIndex, LayerIndexBuilder } from "../layer/index.ts";
import { entryOfNode, type MergedNode, type MergedTree } from "../union/index.ts";
import type { ListedTree, ReadableFile } from "./listed-tree.ts";

/** The bytes of the files of an image. Asked for regular files that are not empty. */
export interface TreeContents {
  /** Opens the data of an entry of a layer (both counted from 0). The caller disposes it. */
  open(layer: number, entry: number): Promise<ByteSource>;
  /** {@link open} without waiting, with `readSync`; undefined where that cannot be. */
  openSync?(layer: number, entry: number): ByteSource | undefined;
  /** Names a layer, by its diffID: two images that share it are known to have the same files there. */
  layerKey?(layer: number): string | undefined;
}

/**
 * A view of an image as a tree. Files of one entry of one layer are the same in all views, and never opened to find out. The
 * contents have to stay open as long as the listing is used.
 */
export function mergedTreeListing(tree: MergedTree, contents: TreeContents): ListedTree {
  const builder = new LayerIndexBuilder();
  const nodes: MergedNode[] = [];
  /** First name of each file that has several. */
  const firstNames = new Map<number, ByteString>();
  for (const { slot, path } of tree.walk()) {
    const node = tree.node(slot);
    const first = node.nlink > 1 && node.type !== "directory" ? firstNames.get(node.inode) : undefined;
    if (first === undefined) firstNames.set(node.inode, path);
    builder.add(entryOfNode(node, path, first));
    nodes.push(node);
  }
  const nodeAt = (entry: number): MergedNode => nodes[entry] as MergedNode;
  return {
    index: builder.finish(),
    notices: [],
    open: (entry) => contents.open(nodeAt(entry).layer, nodeAt(entry).entry),
    openSync: (entry) => readable(contents.openSync?.(nodeAt(entry).layer, nodeAt(entry).entry)),
    dataRuns: (entry) => tree.layers[nodeAt(entry).layer]?.sparse(nodeAt(entry).entry),
    contentKey: (entry) => {
      const { layer, entry: number } = nodeAt(entry);
      const key = contents.layerKey?.(layer) ?? keyOf(tree.layers[layer] as LayerIndex);
      return `${key}:${number}`;
    },
  };
}

/** Its bytes need no closing: only waiting would tell whether that went well. */
function readable(source: ByteSource | undefined): ReadableFile | undefined {
  const read = source?.readSync;
  if (source === undefined || read === undefined) return undefined;
  return {
    readSync: (target, offset) => read.call(source, target, offset),
    close: () => void source[Symbol.asyncDispose](),
  };
}

const keys = new WeakMap<LayerIndex, string>();
let layersSeen = 0;

/** Of a table of contents in memory: the same for all views that were made of it. */
function keyOf(index: LayerIndex): string {
  const known = keys.get(index);
  if (known !== undefined) return known;
  const key = `layer ${layersSeen++}`;
  keys.set(index, key);
  return key;
}
