/**
 * image: one image as documents and layers, whatever place it comes from.
 *
 * {@link ImageSource} is the port that places implement: the least they must provide. {@link loadLayers} turns its layers
 * into {@link ImageLayer}s in one pass over the bytes of each: verified, decompressed, verified again, indexed and, if
 * wished, spooled; or in no pass, when an `IndexCache` remembers the layer and its file has not changed since.
 *
 * @example
 * await using loaded = await loadLayers(source, options);
 * const [base] = loaded.layers;
 * await using motd = await base.open(entryNumber);
 *
 * @module
 */
export type { ArtifactSource } from "./artifact-source.ts";
export { type HistoryStep, joinHistory } from "./history.ts";
export type { CopyEvent, ImageDestination, OfferedBlob, PutBlobOptions, PutBlobResult } from "./image-destination.ts";
export { ImageLayer } from "./image-layer.ts";
export type {
  AbsentLayer,
  BlobOrigin,
  ImageSource,
  LayerBlob,
  LayerDescriptor,
  LayerListing,
  LayerSource,
  PlacedImage,
  RawDocument,
  Skipped,
  StoredBlob,
} from "./image-source.ts";
export {
  compressionOf,
  type IndexedLayer,
  type IndexLayerOptions,
  indexLayer,
  type LayerClaim,
  type TarSink,
} from "./index-layer.ts";
export { ingestBlob, ingestDocument } from "./ingest-offered.ts";
export { LAYER_INDEX_FORMAT, recallChainId, recallIndex, rememberDiffId, rememberIndex } from "./layer-memory.ts";
export { DEFAULT_LIMITS, type Limits } from "./limits.ts";
export { type LayeredImage, LayerLibrary, type LoadedLayers, loadLayers } from "./load-layers.ts";
export type { LoadEvent, LoadLayersOptions } from "./load-options.ts";
export { type ArtifactInit, createArtifact } from "./manifest/artifact.ts";
export { type ArtifactOfImageInit, artifactOfImage } from "./manifest/artifact-of-image.ts";
export { assertSize, type BlobPlace, type BlobRole, missingBlob, readDocument } from "./manifest/blob-place.ts";
export { chooseLeaf, type PlatformChoice } from "./manifest/choose-leaf.ts";
export { diffIdsOf, type ImageDocuments, openManifestImage, readImageDocuments } from "./manifest/manifest-image.ts";
export {
  type ManifestLeaf,
  type ManifestTree,
  namesOf,
  readManifest,
  walkManifests,
} from "./manifest/manifest-tree.ts";
export { assertPlatform, platformNotFound } from "./manifest/platform-choice.ts";
export { DEFAULT_SOURCE_LIMITS, indexTooDeep, type SourceLimits, tooManyManifests } from "./manifest/source-limits.ts";
export { streamBlob } from "./stream-blob.ts";
