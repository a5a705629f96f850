import type { ByteSource } from "../base/index.ts";
import type { FileLocation } from "../content/index.ts";
import type { ListedLayer, WhiteoutCodec } from "../layer/index.ts";
import type { Descriptor, DiffId, Digest, ImageConfig, Platform } from "../oci/index.ts";

/** A repository of a registry in which a blob is known to be: another one there can mount it without a transfer. */
export interface BlobOrigin {
  /** Host with port, as in a reference. */
  readonly registry: string;
  readonly repository: string;
}

/** What is known of a layer's stored bytes. Less than an OCI descriptor: archives of docker do not name digests. */
export interface LayerDescriptor {
  /** As the format names it; never the truth about compression: that is sniffed from the bytes. */
  readonly mediaType: string;
  /** Over the stored (perhaps compressed) bytes; undefined where the format does not tell it. */
  readonly digest: Digest | undefined;
  /** Length of the stored bytes. */
  readonly size: number;
}

interface LayerCommon {
  /** Names the layer's bytes for people: a member name, a digest, a directory. Two equal layers may have one name. */
  readonly name: string;
  /** Identity of the uncompressed tar; undefined where the format has none (docker before 1.10, a bare tar, a directory). */
  readonly diffId: DiffId | undefined;
  /** Where a container engine keeps the layer, in the engine's own words: `cache-id`, `link`. Absent in all other places. */
  readonly storage?: Readonly<Record<string, string>> | undefined;
  /**
   * How the image's manifest names the layer, urls and annotations included; absent where there is none. What it says of
   * the compression is then what everybody who gets the image is told.
   */
  readonly published?: Descriptor | undefined;
}

/** The stored bytes of a layer, where `open` gives others or gets them in another way. */
export interface StoredBlob {
  /** False where they are made again of the tar, if that gives the very same bytes. */
  readonly isHere: boolean;
  /**
   * Opens them for who takes them from front to back, unverified. The caller disposes them.
   * @throws StrataError `compressed-blob-discarded` where they cannot be made again
   */
  open(): Promise<ByteSource>;
}

/** A layer whose tar, compressed or not, exists as bytes. */
export interface LayerBlob extends LayerCommon {
  readonly kind: "blob";
  readonly descriptor: LayerDescriptor;
  /** What {@link open} and `location` give, where that is not the blob of `descriptor` but the layer's uncompressed tar. */
  readonly tar?: LayerDescriptor | undefined;
  /**
   * Opens the stored bytes, unverified: the reader holds them against `tar ?? descriptor` and `diffId`.
   * The caller disposes what it gets, before the image source. May be called again, also while another is open.
   */
  open(): Promise<ByteSource>;
  /** The bytes of `descriptor`, for copying. Absent where {@link open} gives them, and nothing else is as cheap. */
  readonly stored?: StoredBlob | undefined;
  /** A registry that has the blob of `descriptor`, and can mount it into its other repositories. */
  readonly origin?: BlobOrigin | undefined;
  /**
   * Present when the stored bytes lie contiguous in a local file, so that a worker thread can open them by itself.
   * Valid until the image source is disposed. Its `stamp`, when it has one, tells whether a later run sees the same bytes.
   */
  readonly location?: FileLocation | undefined;
  /**
   * True where {@link open} gives no bytes but those of `descriptor.digest`, verified, as a registry's client does: what a
   * pass over them found stays true for good. Only a first short look at the beginning may be unverified.
   */
  readonly isContentAddressed?: boolean | undefined;
}

/** A layer that lies unpacked: a root file system, a driver's directory. */
export interface LayerListing extends LayerCommon {
  readonly kind: "listing";
  /** How deletions are written down in that place. */
  readonly whiteouts: WhiteoutCodec;
  /** Walks the place. Each call walks again; the result lives as long as the image source. */
  load(options?: { readonly signal?: AbortSignal | undefined }): Promise<ListedLayer>;
}

/** A foreign layer whose bytes are not here: it counts in history and diffIDs, and contributes no entry to the view. */
export interface AbsentLayer extends LayerCommon {
  readonly kind: "absent";
  readonly descriptor: LayerDescriptor;
  /** One clause for people: why the bytes are not here and where they might be. */
  readonly reason: string;
}

/** A layer of an image, in whatever form its place has it. */
export type LayerSource = LayerBlob | LayerListing | AbsentLayer;

/** Something that was passed over by name, for the user to know: an attestation, an artifact, a foreign layer. */
export interface Skipped {
  readonly what: string;
  readonly reason: string;
}

/** A document with the exact bytes that its digest is taken over. */
export interface RawDocument {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/**
 * The port between places where images live and everything that reads images: the least that a place must provide.
 * One image, already chosen: references resolved, platform matched, documents verified and validated.
 *
 * Lifecycle: opening reads documents only, never a layer. While it is open the place must not change. Whoever opened it
 * disposes it, last: every {@link ByteSource} and listing that came from it is dead after that, and so are the
 * temporary files in which it may keep an unpacked archive.
 *
 * `layers` and `config.value.rootfs.diff_ids` have the same length and order, base first, except where the format has no
 * diffIDs at all: then `diff_ids` is empty and every layer's `diffId` undefined. The layers of a container, which has no
 * diffIDs, come after those of its image: there are more `layers` than `diff_ids` then.
 */
export interface ImageSource extends AsyncDisposable {
  /** As the user wrote it; for messages. */
  readonly reference: string;
  /** Full name of the transport that opened it, with its colon left out: `docker-archive`, `oci`, `dir`. */
  readonly transport: string;
  /** The names under which the place knows the image, as spelled there; empty when it has none. */
  readonly names: readonly string[];
  /** The image manifest; undefined where the format has none or not this one (docker-archive, tar, dir). */
  readonly manifest: RawDocument | undefined;
  /** The configuration; made up, with `digest` over the made-up bytes, where `isSynthetic`. */
  readonly config: RawDocument & { readonly value: ImageConfig; readonly isSynthetic: boolean };
  /** Of the manifest; absent where the format has none. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Undefined where nothing tells it. */
  readonly platform: Platform | undefined;
  /** Base layer first. */
  readonly layers: readonly LayerSource[];
  readonly skipped: readonly Skipped[];
  /** Where a container engine keeps the image or container, as for {@link LayerBlob}s. Absent in all other places. */
  readonly storage?: Readonly<Record<string, string>> | undefined;
}

/** An image without the lifecycle, which the place has that it comes from. */
export type PlacedImage = Omit<ImageSource, "reference" | "transport" | typeof Symbol.asyncDispose>;
