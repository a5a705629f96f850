import type { ContentStore } from "../content/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import { chainIds, type DiffId, type Digest } from "../oci/index.ts";
import type { LayerStack } from "../snapshot/index.ts";
import { mergeLayers } from "../union/index.ts";

/**
 * The layers of an image whose tars are blobs of the content store, merged once.
 * @throws StrataError with the number of the layer, when one cannot be applied
 */
export function createLayerStack(
  content: ContentStore,
  diffIds: readonly DiffId[],
  indexes: readonly LayerIndex[],
): LayerStack {
  return {
    tree: mergeLayers(indexes),
    diffIds,
    chainIds: chainIds(diffIds),
    openTar: (layer) => content.open(diffIds[layer] as string as Digest),
  };
}
