import type { LayerIndex } from "../layer/index.ts";
import { decodeFlatTree, encodeFlatTree } from "./encode-flat-tree.ts";
import type { FlatTree } from "./flat-tree.ts";
import { mergeFiles } from "./merge-files.ts";
import { mergeLayers, mergeLayersOnto } from "./merge-layers.ts";
import type { MergedTree } from "./merged-tree.ts";
import type { ProvenanceTree } from "./provenance-tree.ts";

/** Raise it when merging the same layers would give another tree. */
export const MERGED_TREE_FORMAT = 2;

/** Larger trees are merged each time: keeping one would push all others out of a cache. */
const MOST_ENTRIES = 500_000;

/** Where encoded trees are kept by key; it may forget, and never fails. An `IndexCache` is one. */
export interface TreeMemory {
  get(key: string): Promise<Uint8Array | undefined>;
  set(key: string, bytes: Uint8Array): Promise<void>;
}

/** Layers whose tars are known by their chainIDs, with deletions written down in OCI's way. */
export interface ChainOfLayers {
  /** Base first. */
  readonly layers: readonly LayerIndex[];
  /** One for each layer, of everything up to it. */
  readonly chainIds: readonly string[];
}

/**
 * The tree of a chain without its history: as it was kept, else merged on the tallest part of it that was kept, and kept.
 * @throws StrataError as {@link mergeLayers}
 */
export async function rememberedTree(memory: TreeMemory, chain: ChainOfLayers): Promise<MergedTree> {
  const known = await recallTree(memory, chain);
  if (known !== undefined) return known;
  const tree = await mergeOnTallest(memory, chain);
  const top = chain.chainIds.at(-1);
  if (top !== undefined) await rememberTree(memory, top, tree);
  return tree;
}

/**
 * Merges a chain whose lowest layers others have, too: their tree is remembered, so that only the layers above cost anything, for
 * whoever comes after too. What the shared layers did, only what came of it, the tree cannot tell.
 *
 * @param shared how many layers that is; 0 for a tree that knows everything
 * @throws StrataError as {@link mergeLayers}
 */
export async function mergeOnShared(memory: TreeMemory, chain: ChainOfLayers, shared: number): Promise<ProvenanceTree> {
  const below = lowest(shared, chain);
  // What cannot be kept would be merged, made a table and merged on each time: then all at once is quicker.
  if (shared === 0 || !mayBeKept(below.layers)) return mergeLayers(chain.layers);
  const base = await rememberedTree(memory, below);
  return mergeLayersOnto(base.flatten(), chain.layers.slice(shared));
}

/** Keeps the tree of the chain with this chainID, unless it is too large. */
export async function rememberTree(memory: TreeMemory, chainId: string, tree: MergedTree): Promise<void> {
  if (mayBeKept(tree.layers)) await memory.set(keyOf(chainId), encodeFlatTree(tree));
}

function mayBeKept(layers: readonly LayerIndex[]): boolean {
  return layers.reduce((sum, { count }) => sum + count, 0) <= MOST_ENTRIES;
}

async function recallTree(memory: TreeMemory, { layers, chainIds }: ChainOfLayers): Promise<FlatTree | undefined> {
  const top = chainIds.at(-1);
  const bytes = top === undefined ? undefined : await memory.get(keyOf(top));
  if (bytes === undefined) return undefined;
  try {
    return decodeFlatTree(bytes, layers);
  } catch {
    return undefined;
  }
}

async function mergeOnTallest(memory: TreeMemory, chain: ChainOfLayers): Promise<MergedTree> {
  for (let count = chain.layers.length - 1; count > 0; count--) {
    const base = await recallTree(memory, lowest(count, chain));
    if (base !== undefined) return mergeFiles(chain.layers.slice(count), { base });
  }
  return mergeFiles(chain.layers);
}

function lowest(count: number, { layers, chainIds }: ChainOfLayers): ChainOfLayers {
  return { layers: layers.slice(0, count), chainIds: chainIds.slice(0, count) };
}

function keyOf(chainId: string): string {
  return `merged-tree/${MERGED_TREE_FORMAT}/${chainId}`;
}
