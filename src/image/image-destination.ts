import type { ByteSource } from "../base/index.ts";
import type { Descriptor, Digest } from "../oci/index.ts";
import type { BlobOrigin, RawDocument } from "./image-source.ts";

/** A blob that a destination is offered. */
export interface OfferedBlob {
  /** `digest` and `size` are what the bytes must have: the destination verifies both before the blob is visible. */
  readonly descriptor: Descriptor;
  /** Opens the bytes, perhaps several times after failures; the destination disposes what it opened. */
  open(): Promise<ByteSource>;
  /** Where a registry could mount it from. */
  readonly origin?: BlobOrigin | undefined;
}

/** How one blob is put. */
export interface PutBlobOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the blob that have arrived, resumed ones included; never decreases, except to 0 after a restart. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** How a blob got there: `present` before, `mounted` inside a registry, or `transferred`. */
export type PutBlobResult = "present" | "mounted" | "transferred";

/**
 * The port into which things are copied. The copier puts what a document names before the document, then names
 * the root, then finishes: only then does the place show anything new.
 *
 * Disposing without {@link finish} leaves what was visible before untouched; blobs that are complete may stay, to be found
 * by the next attempt.
 */
export interface ImageDestination extends AsyncDisposable {
  /** As the user wrote it; for messages. */
  readonly reference: string;
  readonly transport: string;
  /** Most calls of {@link putBlob} at once; 1 for archives, which are written from front to back. */
  readonly concurrency: number;
  /** False where only single images fit (docker-archive): the copier then refuses an index. */
  readonly acceptsIndexes: boolean;
  /**
   * The family of media types for which the readers of this place look; the copier writes images of another family in
   * this one, unless digests are to survive. Undefined where any will do.
   */
  readonly expectedFormat?: "oci";
  /** Whether the blob or document is here already, complete. */
  has(descriptor: Descriptor): Promise<boolean>;
  /** Takes a blob in, or finds that it is there. @throws StrataError `digest-mismatch`, `blob-size-mismatch`, … */
  putBlob(blob: OfferedBlob, options?: PutBlobOptions): Promise<PutBlobResult>;
  /** Takes in a manifest or index; all it names is here. */
  putDocument(document: RawDocument): Promise<void>;
  /**
   * Gives the root its name: the destination's own from its reference; where that has none, each of `names` (as an
   * archive or a layout spells them), or none at all. Several roots may be named before {@link finish}.
   */
  name(root: Descriptor, names: readonly string[]): Promise<void>;
  /** Makes everything durable and visible. */
  finish(): Promise<void>;
}

/** What copying tells while it works; also what `--json` prints. Digests are those of the source unless converted. */
export type CopyEvent =
  | { readonly type: "start"; readonly source: string; readonly destination: string }
  | {
      readonly type: "resolved";
      readonly digest: Digest;
      readonly mediaType: string;
      readonly blobs: number;
      readonly bytes: number;
    }
  | {
      readonly type: "blob";
      readonly digest: Digest;
      readonly what: "config" | "layer" | "blob";
      readonly size: number;
      readonly state: "waiting" | "transferring" | "converting";
    }
  | { readonly type: "progress"; readonly digest: Digest; readonly bytes: number; readonly size: number }
  | { readonly type: "blob-done"; readonly digest: Digest; readonly size: number; readonly result: PutBlobResult }
  | { readonly type: "skipped"; readonly what: string; readonly reason: string }
  | { readonly type: "document"; readonly digest: Digest; readonly mediaType: string }
  | { readonly type: "done"; readonly digest: Digest; readonly mediaType: string };
