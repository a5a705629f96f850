import { addDetails, StrataError } from "../../base/index.ts";
import {
  type Descriptor,
  type DiffId,
  type Digest,
  type ImageConfig,
  isEncryptedLayer,
  isForeignLayer,
  type Manifest,
  MEDIA_TYPE,
  mediaKind,
  parseImageConfig,
  platformOf,
} from "../../oci/index.ts";
import type { LayerBlob, LayerSource, PlacedImage, Skipped } from "../image-source.ts";
import { assertSize, type BlobPlace, missingBlob, readDocument } from "./blob-place.ts";
import { type ManifestLeaf, readManifest } from "./manifest-tree.ts";
import type { SourceLimits } from "./source-limits.ts";

/** The documents of one image. */
export interface ImageDocuments {
  readonly leaf: ManifestLeaf;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
}

/**
 * Reads manifest and configuration, verified.
 * @throws StrataError `not-an-image` (unsupported) for an artifact, by its name
 */
export async function readImageDocuments(
  blobs: BlobPlace,
  leaf: ManifestLeaf,
  limits: SourceLimits,
): Promise<ImageDocuments> {
  const { bytes, document } = await readManifest(blobs, leaf.descriptor, limits);
  if (document.kind === "index") throw notAnImage(leaf.descriptor, "an index");
  const { config: descriptor, artifactType } = document;
  if (mediaKind(descriptor.mediaType) !== "config") {
    throw notAnImage(leaf.descriptor, `an artifact of type ${artifactType || descriptor.mediaType || "unknown"}`);
  }
  const configBytes = await readDocument(blobs, descriptor, {
    what: "image configuration",
    role: "blob",
    maxBytes: limits.maxDocumentBytes,
  });
  const what = `image configuration ${descriptor.digest}`;
  const config = parseImageConfig(configBytes, { what, maxBytes: limits.maxDocumentBytes });
  return { leaf, manifest: document, manifestBytes: bytes, config, configBytes };
}

/** The diffIDs of an image's layers, base first. @throws StrataError `layer-count-mismatch` */
export function diffIdsOf(documents: ImageDocuments): readonly DiffId[] {
  const { diff_ids: diffIds } = documents.config.rootfs;
  if (diffIds.length !== documents.manifest.layers.length) throw countMismatch(documents);
  return diffIds;
}

/** The image of the documents. Layers are looked up, so that a missing one is known now, and not read. */
export async function openManifestImage(blobs: BlobPlace, documents: ImageDocuments): Promise<PlacedImage> {
  const { leaf, manifest, config } = documents;
  const diffIds = diffIdsOf(documents);
  const layers: LayerSource[] = [];
  for (const [i, layer] of manifest.layers.entries()) {
    try {
      layers.push(await layerSource(blobs, layer, { number: i, diffId: diffIds[i] as DiffId }));
    } catch (error) {
      throw addDetails(error, { layer: i });
    }
  }
  const { mediaType, digest } = leaf.descriptor;
  return {
    names: leaf.names,
    manifest: { mediaType: mediaType || (manifest.mediaType ?? ""), digest, bytes: documents.manifestBytes },
    config: {
      mediaType: manifest.config.mediaType,
      digest: manifest.config.digest,
      bytes: documents.configBytes,
      value: config,
      isSynthetic: false,
    },
    ...(manifest.annotations && { annotations: manifest.annotations }),
    platform: platformOf(config) ?? leaf.descriptor.platform,
    layers,
    skipped: layers.flatMap(skippedOf),
  };
}

async function layerSource(
  blobs: BlobPlace,
  published: Descriptor,
  { number, diffId }: { readonly number: number; readonly diffId: DiffId },
): Promise<LayerSource> {
  const { mediaType, digest, size, urls } = published;
  assertReadable(mediaType, number);
  const common = { name: digest, diffId, descriptor: { mediaType, digest, size }, published };
  const tar = await tarSource(blobs, { digest, diffId });
  if (tar !== undefined) return { ...common, kind: "blob", ...tar };
  const source = await blobs.open(digest, "blob");
  if (source === undefined) {
    if (!isForeignLayer(mediaType)) throw missingBlob(blobs, digest, `layer ${number}`);
    const reason = ["its owner forbids passing it on", ...(urls ?? [])].join("; it may be at ");
    return { ...common, kind: "absent", reason };
  }
  const { location } = source;
  await source[Symbol.asyncDispose]();
  assertSize(source.size, { digest, size }, `layer ${number} ${digest}`);
  return {
    ...common,
    kind: "blob",
    location,
    open: async () => {
      const again = await blobs.open(digest, "blob");
      if (again === undefined) throw missingBlob(blobs, digest, `layer ${number}`);
      return again;
    },
  };
}

/** The uncompressed tar of a compressed layer, where the place has it. */
async function tarSource(
  blobs: BlobPlace,
  { digest, diffId }: { readonly digest: Digest; readonly diffId: DiffId },
): Promise<Pick<LayerBlob, "tar" | "location" | "open"> | undefined> {
  const stored = diffId as string as Digest;
  const source = stored === digest ? undefined : await blobs.openTar?.(diffId);
  if (source === undefined) return undefined;
  const { size, location } = source;
  await source[Symbol.asyncDispose]();
  return {
    tar: { mediaType: MEDIA_TYPE.ociLayer, digest: stored, size },
    location,
    open: async () => {
      const again = await blobs.openTar?.(diffId);
      if (again === undefined) throw missingBlob(blobs, stored, "uncompressed tar of a layer");
      return again;
    },
  };
}

/** A media type that is no layer of ours, or one that only its owner can decrypt, is refused by name. */
function assertReadable(mediaType: string, number: number): void {
  if (mediaKind(mediaType) === "layer" && !isEncryptedLayer(mediaType)) return;
  const isEncrypted = isEncryptedLayer(mediaType);
  throw new StrataError({
    code: isEncrypted ? "encrypted-layer" : "unsupported-layer",
    kind: "unsupported",
    message: `Layer ${number} ${isEncrypted ? "is encrypted" : "is not a tar layer"}: its media type is ${JSON.stringify(mediaType)}`,
    details: { mediaType },
  });
}

function skippedOf(layer: LayerSource): Skipped[] {
  return layer.kind === "absent" ? [{ what: `foreign layer ${layer.name}`, reason: layer.reason }] : [];
}

function notAnImage({ digest }: Descriptor, what: string): StrataError {
  return new StrataError({
    code: "not-an-image",
    kind: "unsupported",
    message: `The manifest ${digest} is not an image but ${what}`,
    details: { digest },
  });
}

function countMismatch({ leaf, manifest, config }: ImageDocuments): StrataError {
  const { digest } = leaf.descriptor;
  const [layers, diffIds] = [manifest.layers.length, config.rootfs.diff_ids.length];
  return new StrataError({
    code: "layer-count-mismatch",
    kind: "malformed",
    message: `The manifest ${digest} has ${layers} layers but its configuration has ${diffIds} diffIDs`,
    details: { digest },
  });
}
