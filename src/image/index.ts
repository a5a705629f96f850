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
export { type HistoryStep, joinHistory } from "./history.ts";
export { ImageLayer } from "./image-layer.ts";
export type {
  AbsentLayer,
  ImageSource,
  LayerBlob,
  LayerDescriptor,
  LayerListing,
  LayerSource,
  ListedLayer,
  RawDocument,
  Skipped,
} from "./image-source.ts";
export { DEFAULT_LIMITS, type Limits } from "./limits.ts";
export { type LoadedLayers, loadLayers } from "./load-layers.ts";
export type { LoadEvent, LoadLayersOptions } from "./load-options.ts";
