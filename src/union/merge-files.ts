import type { LayerIndex, WhiteoutCodec } from "../layer/index.ts";
import { joinTables } from "./join-tables.ts";
import { mergeInto } from "./merge-layers.ts";
import type { MergedTree, TableTree } from "./merged-tree.ts";
import { UnionState } from "./union-state.ts";
import { walkedLayer } from "./walked-layer.ts";

/** What layers are laid over, and how they write deletions down. */
export interface MergeFilesOptions {
  /** In the order of the layers; OCI's way where there is none. */
  readonly codecs?: readonly WhiteoutCodec[];
  /** The tree of the layers below these. */
  readonly base?: TableTree | undefined;
}

/**
 * Rows that joining may copy for each entry of the layers so far: copying one costs so much less than merging an entry. Without a
 * bound, hundreds of small layers would copy a large tree hundreds of times.
 */
const COPIES_PER_ENTRY = 16;

/**
 * {@link mergeLayers} for those who want the files and not their history. As long as layers come in the order of a walk, from the
 * lowest up, each is a table that is joined to the one below; those from the first that does not are merged.
 *
 * @throws StrataError as {@link mergeLayers}
 */
export function mergeFiles(layers: readonly LayerIndex[], { codecs = [], base }: MergeFilesOptions = {}): MergedTree {
  let tree = base;
  let joined = 0;
  let [entries, copied] = [base?.columns.entry.length ?? 0, 0];
  for (const index of layers) {
    entries += index.count;
    copied += tree?.columns.entry.length ?? 0;
    const layer = copied > COPIES_PER_ENTRY * entries ? undefined : walkedLayer(index, codecs[joined]);
    if (layer === undefined) break;
    tree = tree === undefined ? layer.table : joinTables(tree, layer);
    joined++;
  }
  if (tree !== undefined && joined === layers.length) return tree;
  return mergeInto(new UnionState(tree), layers.slice(joined), codecs.slice(joined));
}
