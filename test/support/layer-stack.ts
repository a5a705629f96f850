import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openFile } from "../../src/content/index.ts";
import { chainIds, type DiffId, digestOf } from "../../src/oci/index.ts";
import { type LayerStack, type SnapshotName, type Snapshotter, snapshotName } from "../../src/snapshot/index.ts";
import { indexOf } from "../../src/testing/index.ts";
import { mergeLayers, type ProvenanceTree } from "../../src/union/index.ts";

/** The layers of an image, from tars that are written into a directory. */
export function stackOf(
  directory: string,
  tars: readonly Uint8Array[],
  tree: ProvenanceTree = mergeLayers(tars.map(indexOf)),
): LayerStack {
  for (const [i, tar] of tars.entries()) writeFileSync(join(directory, `${i}.tar`), tar);
  const diffIds = tars.map((tar) => digestOf(tar) as string as DiffId);
  return {
    tree,
    diffIds,
    chainIds: chainIds(diffIds),
    openTar: async (layer) => await openFile(join(directory, `${layer}.tar`)),
  };
}

/**
 * Stages all layers at once and commits them in order.
 * @param below names of the lowest layers, which are there already
 * @returns the names of the chain, base first
 */
export async function bringIn(
  snapshotter: Snapshotter,
  stack: LayerStack,
  below: readonly SnapshotName[] = [],
): Promise<readonly SnapshotName[]> {
  const layers = [...stack.chainIds.keys()].slice(below.length);
  const staged = await Promise.allSettled(layers.map((layer) => snapshotter.stage(stack, layer)));
  const names = [...below];
  try {
    for (const layer of staged) {
      if (layer.status === "rejected") throw layer.reason;
      const name = snapshotName(stack.chainIds[names.length] as string);
      await layer.value.commit(name, names.at(-1));
      names.push(name);
    }
  } finally {
    for (const layer of staged) if (layer.status === "fulfilled") await layer.value[Symbol.asyncDispose]();
  }
  return names;
}
