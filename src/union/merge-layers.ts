import { addDetails } from "../base/index.ts";
import { type LayerIndex, ociWhiteouts, planChangeset, type WhiteoutCodec } from "../layer/index.ts";
import { ChangesetWriter } from "./changeset-writer.ts";
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
  const state = new UnionState();
  layers.forEach((index, layer) => {
    state.layers.push(index);
    try {
      new ChangesetWriter(state, index, layer).write(planChangeset(index, codecs[layer] ?? ociWhiteouts));
    } catch (error) {
      throw addDetails(error, { layer });
    }
    state.layerChanges.push(state.changeLayer.length);
  });
  return new ProvenanceTree(state);
}
