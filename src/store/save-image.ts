import type { BlobOrigin } from "../image/index.ts";
import type { Digest } from "../oci/index.ts";
import { type ImageGraph, rootOf } from "./image-graph.ts";
import type { LayerRecord, RecordWriter } from "./metadata/records.ts";

/** Puts an image, its layers and its names into the tables; a name that another image had moves, and leaves it behind. */
export function saveImage(records: RecordWriter, graph: ImageGraph, names: readonly string[]): void {
  const root = rootOf(graph.record);
  const known = records.get("image", root.digest);
  records.put("image", root.digest, known === undefined ? graph.record : { ...graph.record, addedAt: known.addedAt });
  for (const [chainId, chain] of graph.chains) {
    const { diffId, parent } = records.get("chain", chainId) ?? {};
    if (diffId !== chain.diffId || parent !== chain.parent) records.put("chain", chainId, chain);
  }
  for (const { diffId, blob } of graph.layers) {
    const layer = withBlob(records.get("layer", diffId), blob);
    if (layer !== undefined) records.put("layer", diffId, layer);
  }
  for (const name of names) records.put("name", name, root);
}

/** Remembers from which repository a blob came. */
export function saveOrigin(records: RecordWriter, digest: Digest, origin: BlobOrigin): void {
  const known = records.get("blob", digest);
  const { registry, repository } = origin;
  if (known?.origin?.registry === registry && known.origin.repository === repository) return;
  records.put("blob", digest, { ...known, origin: { registry, repository } });
}

/** Undefined when nothing is new. */
function withBlob(layer: LayerRecord | undefined, blob: Digest): LayerRecord | undefined {
  if (layer?.blobs.includes(blob) === true) return undefined;
  return { blobs: [...(layer?.blobs ?? []), blob].sort() };
}
