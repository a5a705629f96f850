import type { BlobOrigin } from "../../image/index.ts";
import type { DiffId, Digest, Platform } from "../../oci/index.ts";

/** What a name leads to: a manifest or an index. */
export interface NameRecord {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** What a blob is to the document that names it. A `foreign-layer` may be missing without harm. */
export type PartRole = "index" | "manifest" | "config" | "layer" | "foreign-layer" | "blob";

/** A blob that an image names, its own root first. */
export interface ImagePart {
  readonly digest: Digest;
  /** In bytes, as the first document that names it says. */
  readonly size: number;
  readonly role: PartRole;
  /** Of manifests and indexes. */
  readonly mediaType?: string;
  /** Whether it was here, with this size, when the record was made. */
  readonly isHere: boolean;
  /** Of a layer that is not here: its uncompressed tar, which is, and stands for it. */
  readonly tar?: DiffId;
}

/** One image, for one platform, of those that a root leads to and whose manifest and configuration are here. */
export interface LeafRecord {
  readonly manifest: Digest;
  readonly config: Digest;
  readonly platform?: Platform;
  readonly created?: string;
  /** The chainID of all its layers; absent for an image without layers. */
  readonly chainId?: string;
}

/** What is known of an image, derived from its documents: by the digest of its root. */
export interface ImageRecord {
  readonly mediaType: string;
  /** Milliseconds since 1970: for people. */
  readonly addedAt: number;
  readonly parts: readonly ImagePart[];
  readonly leaves: readonly LeafRecord[];
}

/** The blobs that hold a layer, compressed in one way or another: by its diffID. */
export interface LayerRecord {
  readonly blobs: readonly Digest[];
}

/** A layer on top of others: by its chainID. */
export interface ChainRecord {
  readonly diffId: DiffId;
  /** The chainID of what lies below; absent for a base layer. */
  readonly parent?: string;
}

/** What is remembered of a layer's blob beyond what documents tell: by its digest. */
export interface BlobRecord {
  /** What it was verified to decompress to, when it was discarded. */
  readonly tar?: DiffId;
  /** How the very blob can be made from its tar; absent where that is not known to work. */
  readonly recipe?: Recipe;
  /** The repository from which it came last. */
  readonly origin?: BlobOrigin;
}

/** How a blob was compressed: as `compress` of the room `tar` does it. */
export interface Recipe {
  readonly compression: "gzip";
  readonly level: number;
}

/** The tables. */
export interface RecordTypes {
  readonly name: NameRecord;
  readonly image: ImageRecord;
  readonly layer: LayerRecord;
  readonly chain: ChainRecord;
  readonly blob: BlobRecord;
}

export type RecordKind = keyof RecordTypes;

/** The tables as they are at one moment. */
export interface RecordReader {
  /** Counts changes, by whatever process: as long as it is the same, so is everything else. */
  readonly revision: number;
  get<Kind extends RecordKind>(kind: Kind, key: string): RecordTypes[Kind] | undefined;
  /** In the order of the keys' bytes. */
  list<Kind extends RecordKind>(kind: Kind): readonly (readonly [key: string, record: RecordTypes[Kind]])[];
}

/** The tables within one transaction, which sees its own changes. */
export interface RecordWriter extends RecordReader {
  put<Kind extends RecordKind>(kind: Kind, key: string, record: RecordTypes[Kind]): void;
  remove(kind: RecordKind, key: string): void;
}

/** The tables, however they are kept. */
export interface Metadata extends AsyncDisposable {
  /** The action sees one moment, the latest. It must not wait for anything. */
  read<Result>(action: (records: RecordReader) => Result): Result;
  /**
   * All changes of the action, or none when it throws; durable when this returns. Others who write wait for it, over all
   * processes, and it must not wait for anything.
   */
  write<Result>(action: (records: RecordWriter) => Result): Result;
}
