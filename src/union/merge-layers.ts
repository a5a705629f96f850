import { addDetails } from "../base/index.ts";
import { type LayerIndex, ociWhiteouts, planChangeset, type WhiteoutCodec } from "../layer/index.ts";
import { ChangesetWriter } from "./changeset-writer.ts";
import type { TableTree } from "./merged-tree.ts";
import { ProvenanceTree } from "./provenance-tree.ts";
import { UnionState } from "./union-state.ts";

/**
 * Merges layers, given from the base up, into one tree: what applying them one after the other gives
 * (image-spec layer.md#applying-changesets).
 *
 * @param codecs how each layer writes deletions down, in the order of the layers; {@link ociWhiteouts} where there is none
 * @throws StrataError, with the number of the layer, the entry and its offset, when an entry cannot be applied
 */
export function mergeLayers(layers: readonly LayerIndex[], codecs: readonly WhiteoutCodec[] = []): ProvenanceTree {
  return mergeInto(new UnionState(), layers, codecs);
}

/**
 * {@link mergeLayers} for layers on a tree that was made before, at the cost of what they touch: nothing of the tree is made anew.
 * The same files with the same inodes come out as if all layers had been merged; but what the layers of the base did, only what
 * came of it, the result cannot tell ({@link ProvenanceTree.firstTold}).
 *
 * @param layers those above the base's, with deletions written down in OCI's way
 * @throws StrataError as {@link mergeLayers}
 */
export function mergeLayersOnto(base: TableTree, layers: readonly LayerIndex[]): ProvenanceTree {
  return mergeInto(new UnionState(base), layers, []);
}

/** Merges layers into what a union holds already. @throws StrataError as {@link mergeLayers} */
export function mergeInto(
  state: UnionState,
  layers: readonly LayerIndex[],
  codecs: readonly WhiteoutCodec[],
): ProvenanceTree {
  const below = state.layers.length;
  layers.forEach((index, i) => {
    const layer = below + i;
    state.layers.push(index);
    try {
      new ChangesetWriter(state, index, layer).write(planChangeset(index, codecs[i] ?? ociWhiteouts));
    } catch (error) {
      throw addDetails(error, { layer });
    }
    state.layerChanges.push(state.changeLayer.length);
  });
  return new ProvenanceTree(state, below);
}
