import { sliceSource } from "../../../base/index.ts";
import { type Changeset, createChangeset, type ListedTree, mergedTreeListing } from "../../../changeset/index.ts";
import type { LayerIndex } from "../../../layer/index.ts";
import type { DiffId } from "../../../oci/index.ts";
import { entryContent } from "../../../tar/index.ts";
import type { DrivenSnapshot } from "../../snapshot-driver.ts";
import { chainOf } from "./chain.ts";
import { type IndexSources, treeOfChain } from "./chain-tree.ts";
import { digestOf } from "./layer-tars.ts";

/** What a committed snapshot, which is the tar of its layer, makes of the chain below: by a look at the tables of contents. */
export async function layerChangeset(
  snapshot: DrivenSnapshot,
  parents: readonly DrivenSnapshot[],
  { sources, signal }: { readonly sources: IndexSources; readonly signal?: AbortSignal | undefined },
): Promise<Changeset> {
  const lower = parents.length === 0 ? undefined : await chainListing(parents, sources);
  return await createChangeset(lower, await chainListing([snapshot, ...parents], sources), { signal });
}

/** @param snapshots nearest first */
async function chainListing(snapshots: readonly DrivenSnapshot[], sources: IndexSources): Promise<ListedTree> {
  const chain = chainOf(snapshots);
  const tree = await treeOfChain(chain, sources);
  return mergedTreeListing(tree, {
    layerKey: (layer) => chain.diffIds[layer],
    open: async (layer, entry) => {
      const tar = await sources.content.open(digestOf(chain.diffIds[layer] as DiffId));
      const content = entryContent(tar, dataOf(tree.layers[layer] as LayerIndex, entry));
      return { ...sliceSource(content, 0, content.size), [Symbol.asyncDispose]: () => tar[Symbol.asyncDispose]() };
    },
  });
}

function dataOf(index: LayerIndex, entry: number): Parameters<typeof entryContent>[1] {
  const { dataOffset, size } = index.columns;
  const sparse = index.sparse(entry);
  const [offset, length] = [dataOffset[entry] as number, size[entry] as number];
  const storedSize = sparse === undefined ? length : sparse.reduce((sum, run) => sum + run.length, 0);
  return { dataOffset: offset, size: length, storedSize, sparse };
}
