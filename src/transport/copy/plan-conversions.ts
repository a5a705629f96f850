import { mapConcurrent, readAll, StrataError } from "../../base/index.ts";
import { type DiffId, type Digest, isEncryptedLayer, type Manifest, parseImageConfig } from "../../oci/index.ts";
import { type Compression, SNIFF_LENGTH, sniffCompression } from "../../tar/index.ts";
import type { ArtifactBlobs } from "./artifact-blobs.ts";
import type { LayerCompression } from "./copy-options.ts";
import { isImage, type PlannedBlob } from "./plan-blobs.ts";
import type { GraphNode } from "./read-graph.ts";

/** A layer to be compressed anew. */
export interface Conversion {
  /** How the blob is compressed; `tar` where the place has no blob but the uncompressed tar. */
  readonly from: Compression | "tar";
  readonly compression: LayerCompression;
  /** What the uncompressed tar must be. */
  readonly diffId: DiffId;
}

/** What is to be converted, and how it is looked at. */
export interface ConversionWish {
  readonly compression: LayerCompression;
  readonly concurrency: number;
  readonly maxDocumentBytes: number;
}

/**
 * The layers that are not compressed as wished, told by their first bytes. Encrypted layers and foreign ones that are not
 * here stay.
 * @throws StrataError `layer-count-mismatch`: without its diffID a layer could not be verified
 */
export async function planConversions(
  blobs: ArtifactBlobs,
  { nodes, planned }: { readonly nodes: readonly GraphNode[]; readonly planned: readonly PlannedBlob[] },
  wish: ConversionWish,
): Promise<Map<Digest, Conversion>> {
  const diffIds = await diffIdsOf(blobs, nodes, wish.maxDocumentBytes);
  const conversions = new Map<Digest, Conversion>();
  await mapConcurrent(planned, wish.concurrency, async (blob) => {
    const diffId = diffIds.get(blob.descriptor.digest);
    if (diffId === undefined || isEncryptedLayer(blob.descriptor.mediaType)) return;
    if (await isTarOnly(blobs, blob, diffId)) {
      conversions.set(blob.descriptor.digest, { from: "tar", compression: wish.compression, diffId });
      return;
    }
    const from = await sniffBlob(blobs, blob);
    if (from === undefined || from === wish.compression) return;
    conversions.set(blob.descriptor.digest, { from, compression: wish.compression, diffId });
  });
  return conversions;
}

async function diffIdsOf(
  blobs: ArtifactBlobs,
  nodes: readonly GraphNode[],
  maxBytes: number,
): Promise<Map<Digest, DiffId>> {
  const diffIds = new Map<Digest, DiffId>();
  for (const { document, raw } of nodes) {
    if (document.kind === "index" || !isImage(document)) continue;
    const what = "image configuration";
    const config = parseImageConfig(await blobs.readBlob(document.config, what), { what, maxBytes });
    const ids = config.rootfs.diff_ids;
    if (ids.length !== document.layers.length) throw countMismatch(raw.digest, document, ids.length);
    for (const [i, layer] of document.layers.entries()) diffIds.set(layer.digest, ids[i] as DiffId);
  }
  return diffIds;
}

async function isTarOnly(blobs: ArtifactBlobs, { descriptor }: PlannedBlob, diffId: DiffId): Promise<boolean> {
  const tar = await blobs.openLayerTar(descriptor, diffId);
  await tar?.[Symbol.asyncDispose]();
  return tar !== undefined;
}

async function sniffBlob(
  blobs: ArtifactBlobs,
  { descriptor, isForeign }: PlannedBlob,
): Promise<Compression | undefined> {
  try {
    const source = await blobs.openBlob(descriptor);
    await using _ = source;
    return sniffCompression(await readAll(source, { end: SNIFF_LENGTH }));
  } catch (error) {
    if (isForeign && error instanceof StrataError && error.kind === "not-found") return undefined;
    throw error;
  }
}

function countMismatch(digest: Digest, { layers }: Manifest, diffIds: number): StrataError {
  return new StrataError({
    code: "layer-count-mismatch",
    kind: "malformed",
    message: `The manifest ${digest} has ${layers.length} layers but its configuration has ${diffIds} diffIDs`,
    details: { digest },
  });
}
