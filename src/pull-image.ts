import { StrataError } from "./base/index.ts";
import { createLocalScratch } from "./content/index.ts";
import { type CopyImageOptions, copyOptions } from "./copy-image.ts";
import { Held } from "./held.ts";
import { hostPlatform } from "./host-platform.ts";
import { type ArtifactSource, type CopyEvent, DEFAULT_SOURCE_LIMITS } from "./image/index.ts";
import { type ChainId, type Digest, parsePlatform } from "./oci/index.ts";
import { rootOf } from "./place-options.ts";
import { canMountHere, type DriverName, driverFor } from "./snapshot/index.ts";
import { sourceOptions } from "./source-options.ts";
import { type Lease, openStore, type Store, snapshotRoot } from "./store/index.ts";
import { type CopyOptions, type CopyResult, copyArtifact, openArtifact } from "./transport/index.ts";
import {
  type ArrivalEvent,
  type ArrivedLayer,
  LayerArrivals,
  type UnpackEvent,
  type UnpackedImage,
  UnpackThreads,
} from "./unpack/index.ts";
import type { UnpackNamedOptions, UnpackPlace } from "./unpack-place.ts";
import { layersInto, tidyUp, unpackInto } from "./unpack-source.ts";

/** How an image is pulled. */
export interface PullImageOptions extends Omit<CopyImageOptions, "onEvent" | "limits">, UnpackNamedOptions {
  /** Whether the image is also unpacked, while it arrives. Default: where it could be mounted. */
  readonly unpack?: boolean | undefined;
  /**
   * Whether the compressed layers are dropped again, once they are unpacked; pushing the image then compresses them anew.
   * Default: no.
   */
  readonly discardCompressed?: boolean | undefined;
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
  const threads = held.add(new UnpackThreads());
  // The first layer finds it ready: it starts while the registry is asked what the image is.
  if (options.unpack !== false) threads.startAhead();
  const scratch = held.add(createLocalScratch({ directory: options.temporaryDirectory }));
  const store = held.add(await openStore(rootOf(from, options)));
  const source = held.add(await openArtifact(from, sourceOptions(options, scratch)));
  const copying = { ...copyOptions({ ...options, limits: undefined }, scratch), onEvent: options.onEvent };
  if (!(options.unpack ?? (await shouldUnpack(store, options)))) {
    const destination = held.add(await store.destination(to));
    return { ...(await copyArtifact(source, destination, copying)), driver: undefined, chainId: undefined };
  }
  const snapshotter = await store.snapshotter({ driver: options.snapshotter });
  const place = { options: { ...options, onUnpack: options.onEvent }, store, snapshotter, threads };
  const pull = { source, to, copying: { ...copying, hasHeadStart: true } };
  const { copied, unpacked } = await copyAndUnpack(pull, place);
  if (unpacked === undefined) return { ...copied, driver: undefined, chainId: undefined };
  await tidyUp(place, unpacked);
  return { ...copied, driver: snapshotter.driver, chainId: unpacked.chainId };
}

interface Pull {
  readonly source: ArtifactSource;
  /** Name in the store. */
  readonly to: string;
  readonly copying: CopyOptions;
}

type PullPlace = UnpackPlace & { readonly options: PullImageOptions; readonly threads: UnpackThreads };

interface Pulled {
  readonly copied: CopyResult;
  /** Undefined for what is no image, or none for the platform that was asked for. */
  readonly unpacked: UnpackedImage | undefined;
}

async function copyAndUnpack({ source, to, copying }: Pull, place: PullPlace): Promise<Pulled> {
  const { store, options } = place;
  await using held = new Held();
  const lease = held.add(await store.lease());
  const { copied, unpacked, arrived } = await bring({ source, to, copying }, { held, lease, ...place });
  if (options.discardCompressed === true && unpacked !== undefined) {
    const verified = new Map([...arrived].map(([digest, { diffId }]) => [digest, diffId]));
    await store.discardCompressed(copied.root.digest, { verified, signal: options.signal });
  }
  return { copied, unpacked };
}

/** Lets go of all blobs before it returns, but for what `held` holds: tars and chains. */
async function bring(
  { source, to, copying }: Pull,
  { held, lease, ...place }: PullPlace & { readonly held: Held; readonly lease: Lease },
): Promise<Pulled & { readonly arrived: ReadonlyMap<Digest, ArrivedLayer> }> {
  const { store, threads, options } = place;
  await using reading = new Held();
  const common = layersInto(store, lease, options);
  const arrivals = reading.add(new LayerArrivals({ ...common, threads, onEvent: options.onEvent }));
  const destination = reading.add(await store.destination(to, { onIngest: arrivals.follow }));
  const copied = await copyArtifact(source, destination, copying);
  const arrived = await arrivals.settle();
  const unpacked = await unpackStored(copied, { held, reading }, { ...place, arrived });
  return { copied, unpacked, arrived };
}

/** Copying every layer whole, as `vfs` does, is only for those who ask for it. */
async function shouldUnpack(store: Store, { snapshotter }: PullImageOptions): Promise<boolean> {
  if (snapshotter !== undefined) return true;
  return canMountHere() && (await driverFor(snapshotRoot(store))) !== "vfs";
}

/** Undefined for what is no image, or none for the platform that was asked for. */
async function unpackStored(
  { root }: CopyResult,
  { held, reading }: { readonly held: Held; readonly reading: Held },
  place: UnpackPlace,
): Promise<UnpackedImage | undefined> {
  const { platform } = place.options;
  const chosen = platform === undefined ? undefined : parsePlatform(platform);
  const choice = { platform: chosen, hostPlatform: hostPlatform(), limits: DEFAULT_SOURCE_LIMITS };
  try {
    const image = reading.add(await place.store.openImage(root.digest, choice));
    return await unpackInto(image, held, place);
  } catch (error) {
    if (error instanceof StrataError && NO_IMAGE.has(error.code)) return undefined;
    throw error;
  }
}

const NO_IMAGE: ReadonlySet<string> = new Set(["platform-not-found", "not-an-image"]);
