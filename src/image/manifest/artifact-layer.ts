import { addDetails, assertNotAborted, type ByteSource, readAll, StrataError, sliceSource } from "../../base/index.ts";
import type { Scratch } from "../../content/index.ts";
import { changesetTar } from "../../layer/index.ts";
import {
  createHasher,
  type Descriptor,
  type DiffId,
  type Digest,
  diffIdOfUncompressed,
  MEDIA_TYPE,
} from "../../oci/index.ts";
import {
  type Compression,
  type DecompressOptions,
  decompress,
  SNIFF_LENGTH,
  sniffCompression,
} from "../../tar/index.ts";
import type { AbsentLayer, BlobOrigin, LayerBlob, LayerListing, LayerSource } from "../image-source.ts";

/** A layer as a manifest describes it. */
export interface ArtifactLayer {
  readonly descriptor: Descriptor;
  readonly diffId: DiffId;
  /** The stored bytes; undefined for a layer that is not here. The caller disposes them. */
  readonly open: (() => Promise<ByteSource>) | undefined;
  /** The uncompressed tar, where that is here and the stored bytes are not. */
  readonly openTar?: (() => Promise<ByteSource>) | undefined;
  readonly origin?: BlobOrigin | undefined;
}

/** What describing a layer may take. */
export interface ArtifactLayerOptions {
  /** For layers that are no tar yet. What is written there belongs to its owner, and is freed with it. */
  readonly scratch: Scratch;
  readonly expansion: DecompressOptions;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Describes a layer: as its manifest did, where it has one. Only where nobody tells its digest or its diffID are its bytes
 * read, once.
 * @throws StrataError `layer-unidentified`, `compression-unsupported`, with `details.layer`
 */
export async function describeLayer(
  layer: LayerSource,
  number: number,
  options: ArtifactLayerOptions,
): Promise<ArtifactLayer> {
  try {
    switch (layer.kind) {
      case "blob":
        return await describeBlob(layer, options);
      case "listing":
        return await describeListing(layer, options);
      case "absent":
        return describeAbsent(layer);
    }
  } catch (error) {
    throw addDetails(error, { layer: number });
  }
}

async function describeBlob(layer: LayerBlob, options: ArtifactLayerOptions): Promise<ArtifactLayer> {
  const { published, diffId, tar, stored, origin } = layer;
  if (published !== undefined && diffId !== undefined) {
    const open = stored === undefined ? (): Promise<ByteSource> => layer.open() : () => stored.open();
    const isTarOnly = tar !== undefined && stored?.isHere !== true;
    return { descriptor: inOci(published), diffId, open, openTar: isTarOnly ? () => layer.open() : undefined, origin };
  }
  return await describeUnpublished(layer, options);
}

/** The manifest that is made is one of OCI, and so are its layers, wherever they come from. */
function inOci(descriptor: Descriptor): Descriptor {
  return { ...descriptor, mediaType: OCI_TYPES.get(descriptor.mediaType) ?? descriptor.mediaType };
}

const OCI_TYPES = new Map<string, string>([
  [MEDIA_TYPE.dockerLayer, MEDIA_TYPE.ociLayer],
  [MEDIA_TYPE.dockerLayerGzip, MEDIA_TYPE.ociLayerGzip],
  [MEDIA_TYPE.dockerLayerZstd, MEDIA_TYPE.ociLayerZstd],
  [MEDIA_TYPE.dockerForeignLayer, MEDIA_TYPE.ociForeignLayer],
  [MEDIA_TYPE.dockerForeignLayerGzip, MEDIA_TYPE.ociForeignLayerGzip],
]);

async function describeUnpublished(layer: LayerBlob, options: ArtifactLayerOptions): Promise<ArtifactLayer> {
  const source = await layer.open();
  await using _ = source;
  const compression = sniffCompression(await readAll(source, { end: SNIFF_LENGTH }));
  const mediaType = mediaTypeFor(layer, compression);
  const { digest, diffId } = await identify(layer, { source, compression }, options);
  const { size } = layer.descriptor;
  return { descriptor: { mediaType, digest, size }, diffId, open: () => layer.open() };
}

async function identify(
  layer: LayerBlob,
  { source, compression }: { readonly source: ByteSource; readonly compression: Compression },
  options: ArtifactLayerOptions,
): Promise<{ digest: Digest; diffId: DiffId }> {
  const { digest: known } = layer.descriptor;
  if (compression === "none") {
    // The same bytes: whoever copies them will verify it.
    const digest = known ?? (layer.diffId as Digest | undefined) ?? (await hash(source, "none", options)).digest;
    return { digest, diffId: layer.diffId ?? diffIdOfUncompressed(digest) };
  }
  if (known !== undefined && layer.diffId !== undefined) return { digest: known, diffId: layer.diffId };
  const hashed = await hash(source, layer.diffId === undefined ? compression : "none", options);
  return { digest: known ?? hashed.digest, diffId: layer.diffId ?? diffIdOfUncompressed(hashed.contentDigest) };
}

/** One pass over the stored bytes: their digest, and the one of what comes out of them. */
async function hash(
  source: ByteSource,
  compression: Compression,
  { expansion, signal }: ArtifactLayerOptions,
): Promise<{ digest: Digest; contentDigest: Digest }> {
  const [stored, content] = [createHasher(), createHasher()];
  const passing = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of source.stream(signal === undefined ? {} : { signal })) {
      stored.update(chunk);
      yield chunk;
    }
  };
  const isPlain = compression === "none";
  for await (const chunk of decompress(passing(), compression, expansion)) if (!isPlain) content.update(chunk);
  const digest = stored.digest();
  return { digest, contentDigest: isPlain ? digest : content.digest() };
}

function mediaTypeFor({ name }: LayerBlob, compression: Compression): string {
  if (compression === "none") return MEDIA_TYPE.ociLayer;
  if (compression === "gzip") return MEDIA_TYPE.ociLayerGzip;
  if (compression === "zstd") return MEDIA_TYPE.ociLayerZstd;
  throw new StrataError({
    code: "compression-unsupported",
    kind: "unsupported",
    message: `The layer ${name} is compressed with ${compression}, for which no media type exists`,
    details: { compression },
  });
}

async function describeListing(layer: LayerListing, options: ArtifactLayerOptions): Promise<ArtifactLayer> {
  const { signal } = options;
  const listed = await layer.load({ signal });
  const file = await options.scratch.create();
  try {
    const hasher = createHasher();
    for await (const chunk of changesetTar(listed, layer.whiteouts)) {
      assertNotAborted(signal);
      hasher.update(chunk);
      await file.write(chunk);
    }
    const tar = await file.finish();
    const digest = hasher.digest();
    return {
      descriptor: { mediaType: MEDIA_TYPE.ociLayer, digest, size: tar.size },
      diffId: diffIdOfUncompressed(digest),
      open: async () => sliceSource(tar, 0, tar.size),
    };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

function describeAbsent({ name, descriptor, diffId, published }: AbsentLayer): ArtifactLayer {
  if (published !== undefined && diffId !== undefined) {
    return { descriptor: inOci(published), diffId, open: undefined };
  }
  const { digest, mediaType, size } = descriptor;
  if (digest !== undefined && diffId !== undefined) {
    return { descriptor: { mediaType, digest, size }, diffId, open: undefined };
  }
  throw new StrataError({
    code: "layer-unidentified",
    kind: "unsupported",
    message: `The foreign layer ${name} is not here and its digest is not known, so that no manifest can name it`,
  });
}
