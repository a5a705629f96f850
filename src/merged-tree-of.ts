import type { IndexCache } from "./content/index.ts";
import type { ImageLayer } from "./image/index.ts";
import { decodeFlatTree, encodeFlatTree, type MergedTree, mergeLayers, type ProvenanceTree } from "./union/index.ts";

/** Raise it when merging the same layers would give another tree. */
const FORMAT = 1;

/** Trees of more entries are merged each time: keeping one would push all others out of the cache. */
const MOST_ENTRIES = 500_000;

/** {@link mergeLayers} for the layers of an image, each with its own way of writing deletions. */
export function mergeImageLayers(layers: readonly ImageLayer[]): ProvenanceTree {
  return mergeLayers(
    layers.map(({ index }) => index),
    layers.map(({ whiteouts }) => whiteouts),
  );
}

/**
 * The merged tree of layers that were verified: remembered by the chainID of the topmost, which stands for all their
 * bytes, else merged and then remembered.
 */
export async function rememberedTree(layers: readonly ImageLayer[], cache: IndexCache): Promise<MergedTree> {
  const key = treeKey(layers);
  if (key === undefined) return mergeImageLayers(layers);
  const known = await cache.get(key);
  const indexes = layers.map(({ index }) => index);
  if (known !== undefined) {
    try {
      return decodeFlatTree(known, indexes);
    } catch {
      // Of another version: merged again and replaced.
    }
  }
  const tree = mergeImageLayers(layers);
  await cache.set(key, encodeFlatTree(tree));
  return tree;
}

/** Undefined where a chainID does not tell what the layers hold, or the tree is too large to keep. */
function treeKey(layers: readonly ImageLayer[]): string | undefined {
  const chainId = layers.at(-1)?.chainId;
  const entries = layers.reduce((sum, { index }) => sum + index.count, 0);
  if (chainId === undefined || entries > MOST_ENTRIES || layers.some(({ kind }) => kind !== "blob")) return undefined;
  return `merged-tree/${FORMAT}/${chainId}`;
}
