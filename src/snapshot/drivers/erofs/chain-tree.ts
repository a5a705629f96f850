import { addDetails } from "../../../base/index.ts";
import type { ContentStore, IndexCache } from "../../../content/index.ts";
import { indexLayer, type Limits, recallIndex, rememberIndex } from "../../../image/index.ts";
import type { LayerIndex } from "../../../layer/index.ts";
import { chainIds, type DiffId } from "../../../oci/index.ts";
import { type MergedTree, rememberedTree } from "../../../union/index.ts";
import type { LayerStack } from "../../snapshotter.ts";
import type { Chain } from "./chain.ts";
import { digestOf } from "./layer-tars.ts";

/** Where tables of contents come from. */
export interface IndexSources {
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
  readonly limits: Limits;
}

/**
 * The merged tree of a chain: the stack's own when it has exactly these layers; otherwise as it is remembered, or merged of
 * remembered tables of contents, and of the tars themselves where one is not remembered.
 * @throws StrataError as `mergeLayers` and reading a tar do, with the number of the layer
 */
export async function treeOfChain({ diffIds }: Chain, sources: IndexSources, stack?: LayerStack): Promise<MergedTree> {
  if (stack !== undefined && isSame(stack.diffIds, diffIds)) return stack.tree;
  const layers: LayerIndex[] = [];
  for (const [layer, diffId] of diffIds.entries()) {
    const index = await indexOf(diffId, sources).catch((error: unknown) => {
      throw addDetails(error, { layer, digest: diffId });
    });
    layers.push(index);
  }
  return await rememberedTree(sources.indexCache, { layers, chainIds: chainIds(diffIds) });
}

function isSame(a: readonly DiffId[], b: readonly DiffId[]): boolean {
  return a.length === b.length && a.every((diffId, i) => diffId === b[i]);
}

async function indexOf(diffId: DiffId, { content, indexCache, limits }: IndexSources): Promise<LayerIndex> {
  const known = await recallIndex(indexCache, diffId);
  if (known !== undefined) return known;
  await using tar = await content.open(digestOf(diffId));
  // The store has verified the bytes when it took them in.
  const claim = { diffId, digest: undefined, size: tar.size };
  const { index } = await indexLayer(tar, { claim, limits, verify: false, compression: "none" });
  await rememberIndex(indexCache, diffId, index);
  return index;
}
