import { readAll, StrataError } from "../../base/index.ts";
import type { LocatedSource } from "../../content/index.ts";
import { assertDocumentSize, type Descriptor, type DiffId, type Digest, verifyBytes } from "../../oci/index.ts";

/** How registries keep a thing: manifests and indexes apart from all other blobs. */
export type BlobRole = "manifest" | "blob";

/** Blobs by digest, wherever they lie: a layout, an archive, the store, a repository of a registry. */
export interface BlobPlace {
  /** Names the place in messages. */
  readonly place: string;
  /** Opens a blob, unverified; undefined when it is not here. The caller disposes it. */
  open(digest: Digest, role: BlobRole): Promise<LocatedSource | undefined>;
  /**
   * Opens the uncompressed tar of a layer where it lies beside the stored blob, or instead of it: read at random without
   * inflating. Absent in places that keep layers only as they were published.
   */
  openTar?(diffId: DiffId): Promise<LocatedSource | undefined>;
}

/**
 * Reads a document by its descriptor, verified. Where the blob is missing the descriptor's own `data` will do.
 * @throws StrataError `json-too-large`, `missing-blob`, or of kind integrity
 */
export async function readDocument(
  blobs: BlobPlace,
  descriptor: Pick<Descriptor, "digest" | "size" | "data">,
  { what, role, maxBytes }: { readonly what: string; readonly role: BlobRole; readonly maxBytes: number },
): Promise<Uint8Array> {
  const { digest, size, data } = descriptor;
  const named = `${what} ${digest}`;
  assertDocumentSize(size, named, maxBytes);
  const source = await blobs.open(digest, role);
  if (source === undefined) {
    if (data !== undefined) return verifyBytes(Buffer.from(data, "base64"), { digest, size, what: named });
    throw missingBlob(blobs, digest, what);
  }
  await using _ = source;
  assertSize(source.size, descriptor, named);
  return verifyBytes(await readAll(source), { digest, size, what: named });
}

/** Refuses a blob by its length alone. @throws StrataError `blob-too-long` or `blob-too-short` */
export function assertSize(actual: number, { digest, size }: Pick<Descriptor, "digest" | "size">, what: string): void {
  if (actual === size) return;
  throw new StrataError({
    code: actual > size ? "blob-too-long" : "blob-too-short",
    kind: "integrity",
    message: `The ${what} has ${actual} bytes, but its descriptor promises ${size}`,
    details: { digest },
  });
}

/** The error for a blob that is not in the place. */
export function missingBlob({ place }: BlobPlace, digest: Digest, what: string): StrataError {
  return new StrataError({
    code: "missing-blob",
    kind: "not-found",
    message: `The ${what} is missing: ${place} has no blob ${digest}`,
    details: { digest },
    hint: "The image is incomplete; copy it again, with all its platforms if you ask for another one",
  });
}
