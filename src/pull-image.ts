import { availableParallelism } from "node:os";
import { StrataError } from "./base/index.ts";
import { createLocalScratch } from "./content/index.ts";
import { type CopyImageOptions, copyOptions } from "./copy-image.ts";
import { Held } from "./held.ts";
import { hostPlatform } from "./host-platform.ts";
import { type CopyEvent, DEFAULT_LIMITS, DEFAULT_SOURCE_LIMITS } from "./image/index.ts";
import { rootOf, sourceOptions } from "./named-places.ts";
import type { ChainId } from "./oci/index.ts";
import { canMountHere, type DriverName, driverFor } from "./snapshot/index.ts";
import { openStore, type Store } from "./store/index.ts";
import { type CopyResult, copyArtifact, openArtifact } from "./transport/index.ts";
import { type ArrivalEvent, LayerArrivals, type UnpackEvent } from "./unpack/index.ts";
import {
  openStoreSnapshotter,
  snapshotRoot,
  type UnpackNamedOptions,
  type UnpackPlace,
  unpackInto,
} from "./unpack-named.ts";

/** How an image is pulled. */
export interface PullImageOptions extends Omit<CopyImageOptions, "onEvent">, Omit<UnpackNamedOptions, "limits"> {
  /** Whether the image is also unpacked, while it arrives. Default: where it could be mounted. */
  readonly unpack?: boolean | undefined;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
}

/** Told while an image is pulled: copying, unpacking while it arrives, and what is left to be unpacked after it. */
export type PullEvent = CopyEvent | ArrivalEvent | UnpackEvent;

/** What a pull brought. */
export interface PullResult extends CopyResult {
  /** How its snapshots are kept; undefined when the image was not unpacked. */
  readonly driver: DriverName | undefined;
  /** Of all layers; undefined when it was not unpacked, or has none. */
  readonly chainId: ChainId | undefined;
}

/**
 * Copies an image into the local store under a name and unpacks it meanwhile: each layer is verified, inflated, verified
 * again, written and indexed in one pass, while it arrives. Mounting it then costs next to nothing. Artifacts, and
 * images for other machines only, are not unpacked.
 * @param from any name of an image
 * @param to its name in the store
 * @throws StrataError naming the image, and layer and entry where there is one
 */
export async function pullImage(from: string, to: string, options: PullImageOptions = {}): Promise<PullResult> {
  await using held = new Held();
  const scratch = held.add(createLocalScratch({ directory: options.temporaryDirectory }));
  const store = held.add(await openStore(rootOf(from, options)));
  const source = held.add(await openArtifact(from, sourceOptions(options, scratch)));
  const copying = { ...copyOptions({ ...options, limits: undefined }, scratch), onEvent: options.onEvent };
  if (!(options.unpack ?? (await shouldUnpack(store, options)))) {
    const destination = held.add(await store.destination(to));
    return { ...(await copyArtifact(source, destination, copying)), driver: undefined, chainId: undefined };
  }
  const snapshotter = held.add(await openStoreSnapshotter(store, options.snapshotter));
  const place = { options: { ...options, limits: undefined, onUnpack: options.onEvent }, store, snapshotter };
  const arrivals = held.add(await followArrivals(place, held, options.onEvent));
  const destination = held.add(await store.destination(to, { onIngest: arrivals.follow }));
  const copied = await copyArtifact(source, destination, copying);
  const arrived = await arrivals.settle();
  const unpacked = await unpackStored(copied, held, { ...place, arrived });
  return { ...copied, driver: unpacked && snapshotter.driver, chainId: unpacked?.chainId };
}

/** Copying every layer whole, as `vfs` does, is only for those who ask for it. */
async function shouldUnpack(store: Store, { snapshotter }: PullImageOptions): Promise<boolean> {
  if (snapshotter !== undefined) return true;
  return canMountHere() && (await driverFor(snapshotRoot(store))) !== "vfs";
}

async function followArrivals(
  { options, store }: UnpackPlace,
  held: Held,
  onEvent: PullImageOptions["onEvent"],
): Promise<LayerArrivals> {
  const lease = held.add(await store.lease());
  return new LayerArrivals({
    content: store.content,
    indexCache: store.indexCache,
    lease: (...digests) => lease.add(...digests),
    workers: options.workers ?? availableParallelism(),
    limits: DEFAULT_LIMITS,
    signal: options.signal,
    onEvent,
  });
}

/** Undefined for what is no image, or none for the platform that was asked for. */
async function unpackStored(
  { root }: CopyResult,
  held: Held,
  place: UnpackPlace,
): Promise<{ readonly chainId: ChainId | undefined } | undefined> {
  const { platform } = sourceOptions(place.options, createLocalScratch());
  const choice = { platform, hostPlatform: hostPlatform(), limits: DEFAULT_SOURCE_LIMITS };
  try {
    const image = held.add(await place.store.openImage(root.digest, choice));
    return await unpackInto(image, held, place);
  } catch (error) {
    if (error instanceof StrataError && NO_IMAGE.has(error.code)) return undefined;
    throw error;
  }
}

const NO_IMAGE: ReadonlySet<string> = new Set(["platform-not-found", "not-an-image"]);
