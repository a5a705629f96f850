import type { ContentStore } from "../../content/index.ts";
import { chainIds, type DiffId, digestOf } from "../../oci/index.ts";
import type { LayerStack } from "../../snapshot/index.ts";
import { mergeLayers } from "../../union/index.ts";
import { put } from "../content-store/expectations.ts";
import { indexOf } from "../merged-files.ts";

/** The layers of an image whose uncompressed tars these are, base first. The store takes them in, under their diffIDs. */
export async function layerStack(content: ContentStore, tars: readonly Uint8Array[]): Promise<LayerStack> {
  const digests = tars.map((tar) => digestOf(tar));
  for (const [i, digest] of digests.entries()) {
    const isThere = (await content.stat(digest)) !== undefined;
    if (!isThere) await put(content, `layer ${digest}`, tars[i] ?? new Uint8Array());
  }
  const diffIds = digests as readonly string[] as readonly DiffId[];
  return {
    tree: mergeLayers(tars.map(indexOf)),
    diffIds,
    chainIds: chainIds(diffIds),
    openTar: async (layer) => {
      const digest = digests[layer];
      if (digest === undefined) throw new RangeError(`There is no layer ${layer}`);
      return await content.open(digest);
    },
  };
}
