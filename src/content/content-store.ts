import type { Digest } from "../oci/index.ts";
import type { LocatedSource } from "./file-location.ts";

/** A blob that the store holds. */
export interface BlobInfo {
  readonly digest: Digest;
  /** Length in bytes. */
  readonly size: number;
  /** When it became visible, in milliseconds since 1970. For people only: clocks jump. */
  readonly storedAt: number;
}

/** Reading blobs by digest. */
export interface BlobReader {
  /** Undefined when the blob is not here. Looks, and verifies nothing. */
  stat(digest: Digest): Promise<BlobInfo | undefined>;
  /**
   * The bytes as they lie, not verified again: whoever must be sure reads them through `verifyStream`.
   * The caller disposes it; a blob that is removed meanwhile stays readable until then.
   * @throws StrataError `blob-not-found`
   */
  open(digest: Digest): Promise<LocatedSource>;
}

/** Going through all blobs. */
export interface BlobLister {
  /** Every visible blob, in no order. Blobs that come or go meanwhile may or may not be listed. */
  list(): AsyncIterable<BlobInfo>;
}

/** Removing blobs. Whoever removes has made sure that nobody needs them. */
export interface BlobRemover {
  /** False when it was not here. Durable when it resolves. */
  remove(digest: Digest): Promise<boolean>;
}

/** What is known of a blob before its bytes come. */
export interface ExpectedBlob {
  readonly digest?: Digest | undefined;
  /** In bytes. */
  readonly size?: number | undefined;
}

/** A blob on its way in, which only its writer sees. */
export interface Ingest extends AsyncDisposable {
  readonly ref: string;
  /** Bytes that are there; the next ones to write begin at this offset of the blob. Not 0 when an earlier ingest of the ref is resumed. */
  readonly offset: number;
  /**
   * The growing file of this machine in which the bytes gather, for readers that follow it: what is there is good until
   * {@link restart} or a failure. Bytes may come to it later than `write` resolves. Undefined where there is no file.
   */
  readonly path?: string | undefined;
  /** Appends. The chunk may be reused by the caller when it resolves. @throws StrataError `blob-size-mismatch` past the expected size */
  write(chunk: Uint8Array): Promise<void>;
  /** Forgets all bytes: the next write begins at offset 0. */
  restart(): Promise<void>;
  /**
   * Verifies size and digest, makes the bytes durable and the blob visible, in this order; a blob that is here already
   * is kept and the new bytes dropped. Without an expected digest the blob is stored under its sha256.
   * @throws StrataError `blob-size-mismatch`, `digest-mismatch`: then the bytes are dropped, since no resume can heal them
   */
  commit(): Promise<BlobInfo>;
  /** Drops the bytes. After commit it does nothing. */
  abort(): Promise<void>;
  /** Lets the ref go. Bytes that were neither committed nor aborted stay for a later ingest of the same ref. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** An ingest that was begun and is not finished. */
export interface IngestStatus {
  readonly ref: string;
  readonly offset: number;
  readonly expected: ExpectedBlob;
  /** In milliseconds since 1970. */
  readonly startedAt: number;
  readonly updatedAt: number;
  /** Whether some living process is writing it now. */
  readonly isActive: boolean;
}

/** Taking blobs in. */
export interface BlobIngester {
  /**
   * Begins, or resumes, the ingest of that ref: any text that names the transfer, so that two transfers of one blob
   * meet. One writer a ref, over all processes: a second waits with `signal`, or fails at once.
   * @throws StrataError `ingest-locked` (unavailable) while another holds the ref; with `shouldWait` it waits instead
   */
  ingest(ref: string, expected?: ExpectedBlob, options?: IngestOptions): Promise<Ingest>;
  /** Ingests that were begun and not finished. */
  ingests(): AsyncIterable<IngestStatus>;
  /** Drops what an ingest left behind. False when there is none. @throws StrataError `ingest-locked` */
  abortIngest(ref: string): Promise<boolean>;
}

/** How an ingest is begun. */
export interface IngestOptions {
  readonly shouldWait?: boolean;
  /** Drops what an earlier ingest of the ref left, instead of going on from there. */
  readonly startsOver?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Blobs by digest, as the directory `blobs` of an OCI layout has them. Drivers: `local` (a directory that any number of
 * processes may use at once, durable) and `memory`. Both pass `contentStoreSuite` of the testing room.
 */
export interface ContentStore extends BlobReader, BlobLister, BlobIngester, BlobRemover, AsyncDisposable {
  /** The directory of this machine by which another thread can open the same store for itself. Absent where there is none. */
  readonly directory?: string | undefined;
}
