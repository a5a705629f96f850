import type { ContentStore, FollowIngest, IndexCache } from "../content/index.ts";
import type { ArtifactSource, ImageDestination, ImageSource, PlatformChoice } from "../image/index.ts";
import type { ChainId, Descriptor, DiffId, Digest, Platform } from "../oci/index.ts";
import type { DriverName, Snapshotter } from "../snapshot/index.ts";
import type { CheckOptions, Fault, Repair } from "./fault.ts";

/** An image that the store keeps: what a manifest or an index leads to. */
export interface StoredImage {
  /** In full (`docker.io/library/nginx:latest`), sorted; empty for a dangling image. */
  readonly names: readonly string[];
  /** Of the manifest or index. */
  readonly descriptor: Descriptor;
  /** What docker calls the image ID; undefined where several images of an index are here, or none. */
  readonly configDigest: Digest | undefined;
  /** Of the images that are here, in the order of the index. */
  readonly platforms: readonly Platform[];
  /** As the configuration of the first image that is here tells. */
  readonly created: string | undefined;
  /** Bytes of all blobs that it names and that are here, each counted once. */
  readonly size: number;
  /** Of these, the bytes that other images name too. */
  readonly sharedSize: number;
  /** False where something that it names is not here: other platforms of an index, mostly. Foreign layers do not count. */
  readonly isComplete: boolean;
}

/** How an image is removed. */
export interface RemoveOptions {
  /** Remove an image by its id although it has several names. */
  readonly force?: boolean | undefined;
}

/** What {@link Store.remove} did. */
export interface Removed {
  /** Names that are gone. */
  readonly untagged: readonly string[];
  /** The root of the image that is gone; undefined where other names still hold it. */
  readonly deleted: Digest | undefined;
  /** What that freed. */
  readonly garbage: GarbageReport;
  /**
   * Keys of the views and active snapshots that stand on layers of the image: these stay until all of them are gone, and
   * go with the next collection of garbage after that.
   */
  readonly heldBy: readonly string[];
}

/** How garbage is collected. */
export interface GarbageOptions {
  /** Only tells what would be freed. */
  readonly isDryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How the store is pruned. */
export interface PruneOptions extends GarbageOptions {
  /** Removes images with names too: all. */
  readonly all?: boolean | undefined;
}

/** How the compressed layers of an image are discarded. */
export interface DiscardOptions {
  /**
   * Which blobs the caller has just seen decompress to which tars, both verified: these are not read again. All others are
   * verified first.
   */
  readonly verified?: ReadonlyMap<Digest, DiffId> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What {@link Store.discardCompressed} did. */
export interface Discarded {
  /** Compressed layers that are gone. */
  readonly blobs: Amount;
  /** Those that stay, and one clause each that says why. */
  readonly kept: readonly { readonly digest: Digest; readonly reason: string }[];
}

/** Which snapshotter of a store is opened. */
export interface SnapshotterOptions {
  /** Default: the one that was chosen when the store was first asked, which was the best that worked. */
  readonly driver?: DriverName | undefined;
}

/** A number of things and the bytes that they take. */
export interface Amount {
  readonly count: number;
  readonly bytes: number;
}

/** What a collection of garbage freed, or would free. */
export interface GarbageReport {
  readonly blobs: Amount;
  /** Unpacked layers that belonged to no image any more. */
  readonly snapshots: Amount;
}

/** What {@link Store.prune} freed, or would free. */
export interface PruneReport extends GarbageReport {
  readonly isDryRun: boolean;
  /** Images that are forgotten, with the names that they had. */
  readonly images: readonly { readonly digest: Digest; readonly names: readonly string[] }[];
  /** Transfers that nobody goes on with. */
  readonly ingests: Amount;
  /** Remembered tables of contents whose layers are gone. */
  readonly indexes: Amount;
}

/** What takes how much. */
export interface DiskUsage {
  readonly images: Amount;
  /** Images without a name. */
  readonly dangling: Amount;
  /** All blobs, needed or not. */
  readonly blobs: Amount;
  /** Blobs of layers that images need, each counted once. */
  readonly layers: Amount;
  /** Uncompressed tars of layers, beside the compressed blobs that images name or in their place; no image's size counts them. */
  readonly unpackedLayers: Amount;
  /** Snapshots of all kinds, by driver; what is in the tars is not counted again. */
  readonly snapshots: readonly (Amount & { readonly driver: DriverName })[];
  /** Of these, those that several images need. */
  readonly sharedLayers: Amount;
  /** Transfers that are under way or broken off. */
  readonly ingests: Amount;
  readonly indexes: Amount;
  /** Damaged things that a repair set aside. */
  readonly quarantine: Amount;
  /** Bytes that {@link Store.prune} would free now. */
  readonly reclaimable: number;
}

/** How a place to copy into is opened. */
export interface DestinationOptions {
  /** For readers that follow layers while they arrive; not called for those that are here. */
  readonly onIngest?: FollowIngest | undefined;
}

/** What an image says of its layers, base first. */
export interface StoredChain {
  readonly diffIds: readonly DiffId[];
  readonly chainIds: readonly ChainId[];
}

/** Keeps blobs from being freed as long as it is neither disposed nor its process dead. */
export interface Lease extends AsyncDisposable {
  readonly id: string;
  /**
   * Protects these too. A blob that is here after this has resolved stays here: first add, then look.
   * Digests that are not here yet are protected from the moment they are.
   */
  add(...digests: readonly Digest[]): Promise<void>;
}

/**
 * Images in a directory of this machine.
 *
 * Blobs become visible by their digest, images by one transaction that names them: what is named is complete, and what
 * resolved is durable. Any number of processes may use one store at once. A blob is freed only when no image names it and
 * no living lease protects it.
 *
 * TEXT names an image: a name in docker's short forms, `NAME@DIGEST`, a digest, or at least 4 digits with which one begins:
 * of the manifest or index, of a manifest in an index, or of the configuration (docker's image ID).
 */
export interface Store extends AsyncDisposable {
  readonly root: string;
  /** The bytes. Whoever ingests here holds a {@link lease} meanwhile. */
  readonly content: ContentStore;
  /** Remembers tables of contents of layers, below the root. */
  readonly indexCache: IndexCache;
  /** Each image once, dangling ones too: sorted by first name, those without one last. */
  images(): Promise<readonly StoredImage[]>;
  /** @throws StrataError `image-not-found`, `ambiguous-image` */
  find(text: string): Promise<StoredImage>;
  /** Whether exactly this name, normalised, is here. Quick where it is not, and no error whatever the text is. */
  has(name: string): Promise<boolean>;
  /** Gives an image one more name; a name that another image had moves. @throws as {@link find}, `invalid-reference` */
  tag(text: string, name: string): Promise<void>;
  /**
   * A name: removes it, and with the last name the image. An id: removes the image with its only name, or with all its
   * names when forced. @throws as {@link find}, `image-has-names`
   */
  remove(text: string, options?: RemoveOptions): Promise<Removed>;
  /** Forgets dangling images, broken transfers and what is remembered about layers that are gone; then collects garbage. */
  prune(options?: PruneOptions): Promise<PruneReport>;
  /**
   * Removes snapshots of layers that no image has and nobody uses, then frees the blobs that no image or snapshot needs and
   * no lease protects.
   */
  collectGarbage(options?: GarbageOptions): Promise<GarbageReport>;
  diskUsage(): Promise<DiskUsage>;
  /**
   * Where the layers of images are unpacked and mounted from: by the driver asked for, or else the store's own. It belongs to the store and is disposed with it. Whoever unpacks or mounts holds a {@link lease} on the
   * diffIDs and chainIDs meanwhile: a committed snapshot stays as long as an image has its chain, a lease its chainID or
   * content, or another snapshot stands on it.
   * @throws StrataError `store-read-only`; of `openSnapshotter`
   */
  snapshotter(options?: SnapshotterOptions): Promise<Snapshotter>;
  /**
   * Drops the compressed layers of an image whose layers are all here as uncompressed tars: these stand for them from now
   * on, and the image stays complete. A layer stays that another image needs compressed, or somebody reads. Pushing
   * then takes such a layer from its tar: the very blob where it can be made again, else the registry has to have it.
   * @throws as {@link find}, `layers-not-unpacked`
   */
  discardCompressed(text: string, options?: DiscardOptions): Promise<Discarded>;
  lease(): Promise<Lease>;
  /** Looks at everything: all bytes of all blobs, layers, tables, names, files that do not belong here. Changes nothing. */
  check(options?: CheckOptions): AsyncIterable<Fault>;
  /** {@link check}, and mends what can be mended: nothing damaged is deleted, it is moved to `quarantine/`. */
  repair(options?: CheckOptions): AsyncIterable<Repair>;
  /** Opens one image for reading, protected by a lease. The caller disposes it. @throws as {@link find}, `missing-blob` … */
  openImage(text: string, choice: PlatformChoice): Promise<ImageSource>;
  /**
   * The layers of one image, as its documents tell, or the tables where they remember enough of these: quicker than
   * {@link openImage}, because nothing of the layers is looked at, and nothing is protected. @throws as {@link openImage}, as
   * far as the documents are to blame
   */
  chain(text: string, choice: PlatformChoice): Promise<StoredChain>;
  /** Opens what TEXT leads to for copying, protected by a lease. The caller disposes it. */
  openArtifact(text: string): Promise<ArtifactSource>;
  /**
   * A place to copy into, under this name; without one, under the names that come with the image, or none: then the
   * image is dangling, to be found by its digest. What arrives is protected until it is disposed.
   * @throws StrataError `invalid-reference`
   */
  destination(name: string | undefined, options?: DestinationOptions): Promise<ImageDestination>;
}
