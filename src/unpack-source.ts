import { availableParallelism } from "node:os";
import { createLocalScratch } from "./content/index.ts";
import type { Held } from "./held.ts";
import { DEFAULT_LIMITS, type ImageSource } from "./image/index.ts";
import { openNamedSource } from "./named-source.ts";
import type { Digest } from "./oci/index.ts";
import type { Lease, Store } from "./store/index.ts";
import { type UnpackedImage, type UnpackLayersOptions, unpackImage } from "./unpack/index.ts";
import type { UnpackNamedOptions, UnpackPlace } from "./unpack-place.ts";

/** Opens an image, wherever it lives, and unpacks it; `held` disposes what it opens. */
export async function unpackSource(name: string, held: Held, place: UnpackPlace): Promise<UnpackedImage> {
  const { options, store } = place;
  const scratch = held.add(createLocalScratch({ directory: options.temporaryDirectory }));
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { source } = await openNamedSource(name, held, { options, scratch, limits, store });
  const unpacked = await unpackInto(source, held, place);
  await tidyUp(place, unpacked);
  return unpacked;
}

/** Unpacks an open image; its snapshots stay until `held` is disposed, whatever garbage is collected. */
export async function unpackInto(source: ImageSource, held: Held, place: UnpackPlace): Promise<UnpackedImage> {
  const { store, snapshotter, arrived, options } = place;
  const chain = held.add(await store.lease());
  await using lease = await store.lease();
  const common = layersInto(store, lease, options);
  const unpacked = await unpackImage(source, { ...common, snapshotter, arrived, onEvent: options.onUnpack });
  await chain.add(...unpacked.layers.map(({ chainId }) => chainId as string as Digest));
  return unpacked;
}

/** How layers are unpacked into a store, whether they lie somewhere or still arrive; the lease protects their tars. */
export function layersInto(
  { content, indexCache }: Store,
  lease: Lease,
  { workers = availableParallelism(), limits, signal }: UnpackNamedOptions,
): Omit<UnpackLayersOptions, "arrived" | "onEvent"> {
  return {
    content,
    indexCache,
    lease: (...digests) => lease.add(...digests),
    workers,
    limits: { ...DEFAULT_LIMITS, ...limits },
    signal,
  };
}

/**
 * After something was unpacked: removes what processes that died left of snapshots, and frees the tars that only the
 * unpacking needed. Drivers that write files out do not keep them.
 */
export async function tidyUp({ store, snapshotter }: UnpackPlace, { stack }: UnpackedImage): Promise<void> {
  if (stack === undefined) return;
  await snapshotter.cleanup();
  if (snapshotter.driver !== "erofs") await store.collectGarbage();
}
