import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createLocalScratch } from "./content/index.ts";
import type { Held } from "./held.ts";
import { DEFAULT_LIMITS, type ImageSource, type Limits } from "./image/index.ts";
import { type PlaceOptions, rootOf } from "./named-places.ts";
import { openNamedSource } from "./named-source.ts";
import type { Digest } from "./oci/index.ts";
import type { DriverName, Snapshotter } from "./snapshot/index.ts";
import { openStore, type Store } from "./store/index.ts";
import { type ArrivedLayer, type UnpackEvent, type UnpackedImage, unpackImage } from "./unpack/index.ts";

/** How an image becomes a chain of snapshots in the local store. */
export interface UnpackNamedOptions extends PlaceOptions {
  /** How snapshots are kept. Default: the best way that works here. */
  readonly snapshotter?: DriverName | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** Layers at once. Default: one for each processor. */
  readonly workers?: number | undefined;
  readonly onUnpack?: ((event: UnpackEvent) => void) | undefined;
}

/** An image whose chain of snapshots is in the local store. */
export interface UnpackedNamed extends UnpackedImage {
  readonly store: Store;
  readonly snapshotter: Snapshotter;
}

/** Unpacks an image, wherever it lives, into the snapshots of the local store; `held` disposes what it opens. */
export async function unpackNamed(name: string, held: Held, options: UnpackNamedOptions): Promise<UnpackedNamed> {
  const store = held.add(await openStore(rootOf(name, options)));
  const snapshotter = held.add(await openStoreSnapshotter(store, options.snapshotter));
  const scratch = held.add(createLocalScratch({ directory: options.temporaryDirectory }));
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { source } = await openNamedSource(name, held, { options, scratch, limits, store });
  const unpacked = await unpackInto(source, held, { options, store, snapshotter });
  return { ...unpacked, store, snapshotter };
}

/** Where an image is unpacked to. */
export interface UnpackPlace {
  readonly options: UnpackNamedOptions;
  readonly store: Store;
  readonly snapshotter: Snapshotter;
  /** What was unpacked while the image was copied into the store. */
  readonly arrived?: ReadonlyMap<Digest, ArrivedLayer>;
}

/** Unpacks an open image; what it needs is leased until `held` is disposed. */
export async function unpackInto(source: ImageSource, held: Held, place: UnpackPlace): Promise<UnpackedImage> {
  const { store, snapshotter, arrived, options } = place;
  const lease = held.add(await store.lease());
  return await unpackImage(source, {
    content: store.content,
    indexCache: store.indexCache,
    lease: (...digests) => lease.add(...digests),
    workers: options.workers ?? availableParallelism(),
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    snapshotter,
    arrived,
    signal: options.signal,
    onEvent: options.onUnpack,
  });
}

/** The snapshots of a store, kept in that way or else the best one that works here. */
export async function openStoreSnapshotter(store: Store, driver: DriverName | undefined): Promise<Snapshotter> {
  return await store.snapshotter({ driver });
}

/** Where the snapshots of a store lie. */
export function snapshotRoot({ root }: Pick<Store, "root">): string {
  return join(root, "snapshots");
}
