/**
 * unpack: from an image to a chain of committed snapshots, in one pass over the bytes of each layer.
 *
 * A layer is *unpacked* when its uncompressed tar is a blob of the content store, under its diffID, and its table of contents is
 * remembered. {@link unpackLayers} sees to that for all layers of an image, several at once, each on a thread, and
 * merges them into a `LayerStack`. {@link unpackImage} goes on: it stages the layers, commits them in their order
 * and warms the last. What is there already costs a look ({@link findUnpacked}); what was broken off is taken up again.
 *
 * {@link LayerArrivals} begins earlier: it follows the blobs that a copy is bringing into the store, and unpacks each
 * layer while it is still arriving.
 *
 * @example
 * await using arrivals = new LayerArrivals({ content, indexCache, lease, workers, limits });
 * await copyArtifact(source, await store.destination(name, { onIngest: arrivals.follow }));
 * const arrived = await arrivals.settle();
 * const { chainId } = await unpackImage(image, { ...options, snapshotter, arrived });
 *
 * @module
 */
export { type Chain, type FindUnpackedOptions, findUnpacked, type UnpackedImage } from "./find-unpacked.ts";
export { type ArrivalEvent, type ArrivedLayer, LayerArrivals, type LayerArrivalsOptions } from "./layer-arrivals.ts";
export { unpackImage } from "./unpack-image.ts";
export { unpackLayers } from "./unpack-layers.ts";
export type {
  StandingLayers,
  UnpackEvent,
  UnpackedImageLayer,
  UnpackLayersOptions,
  UnpackOptions,
} from "./unpack-options.ts";
export { UnpackThreads } from "./unpack-threads.ts";
