import type { LayerRecord, RecordWriter } from "./metadata/records.ts";

/** Removes layers and chains that no image has any more from the tables. */
export function sweepTables(records: RecordWriter): void {
  const { chains, layers, blobs } = markTables(records);
  for (const [chainId] of records.list("chain")) if (!chains.has(chainId)) records.remove("chain", chainId);
  for (const [diffId, layer] of records.list("layer"))
    sweepLayer(records, diffId, { layer, isUsed: layers.has(diffId), blobs });
  for (const [digest] of records.list("blob")) if (!blobs.has(digest)) records.remove("blob", digest);
}

function sweepLayer(
  records: RecordWriter,
  diffId: string,
  { layer, isUsed, blobs }: { layer: LayerRecord; isUsed: boolean; blobs: ReadonlySet<string> },
): void {
  const kept = layer.blobs.filter((blob) => blobs.has(blob));
  if (!isUsed || kept.length === 0) records.remove("layer", diffId);
  else if (kept.length < layer.blobs.length) records.put("layer", diffId, { blobs: kept });
}

/** What images use: chainIDs from each topmost one down, the diffIDs on the way, and all blobs. */
function markTables(records: RecordWriter): { chains: Set<string>; layers: Set<string>; blobs: Set<string> } {
  const chains = new Set<string>();
  const layers = new Set<string>();
  const blobs = new Set<string>();
  for (const [, { leaves, parts }] of records.list("image")) {
    for (const { digest } of parts) blobs.add(digest);
    for (const leaf of leaves) {
      for (let id = leaf.chainId; id !== undefined && !chains.has(id); ) {
        const chain = records.get("chain", id);
        if (chain === undefined) break;
        chains.add(id);
        layers.add(chain.diffId);
        id = chain.parent;
      }
    }
  }
  return { chains, layers, blobs };
}
