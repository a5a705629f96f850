import type { IndexCache } from "./content/index.ts";
import { filesOf } from "./edit/index.ts";
import type { ImageLayer } from "./image/index.ts";
import { type ChainOfLayers, type MergedTree, rememberedTree } from "./union/index.ts";

/**
 * The merged tree of layers that were verified: remembered by the chainID of the topmost, which stands for all their
 * bytes, else merged, on what is remembered of the layers below, and then remembered.
 */
export async function treeOfImage(layers: readonly ImageLayer[], cache: IndexCache): Promise<MergedTree> {
  const chain = chainOf(layers);
  return chain === undefined ? filesOf(layers) : await rememberedTree(cache, chain);
}

/** Undefined where a chainID does not tell what the layers hold, and how deletions are written in them. */
function chainOf(layers: readonly ImageLayer[]): ChainOfLayers | undefined {
  const chainIds = layers.flatMap(({ kind, chainId }) => (kind === "blob" && chainId !== undefined ? [chainId] : []));
  if (chainIds.length < layers.length) return undefined;
  return { layers: layers.map(({ index }) => index), chainIds };
}
