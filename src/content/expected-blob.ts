import type { Digest } from "../oci/index.ts";
import { blobDigestMismatch, blobSizeMismatch } from "./blob-errors.ts";
import type { ExpectedBlob } from "./content-store.ts";

/**
 * What is expected of a resumed ingest: what is said now, and what was said when it began.
 * Undefined when the two contradict each other, so that the bytes that are there are of something else.
 */
export function mergeExpected(before: ExpectedBlob, now: ExpectedBlob): ExpectedBlob | undefined {
  const contradicts = <T>(a: T | undefined, b: T | undefined): boolean => a !== undefined && b !== undefined && a !== b;
  if (contradicts(before.digest, now.digest) || contradicts(before.size, now.size)) return undefined;
  return { digest: now.digest ?? before.digest, size: now.size ?? before.size };
}

/** Refuses bytes beyond the expected size as soon as they come. @throws StrataError `blob-size-mismatch` */
export function assertFits(ref: string, { size }: ExpectedBlob, end: number): void {
  if (size !== undefined && end > size) throw blobSizeMismatch(ref, size, end);
}

/** Judges all bytes at the end. @throws StrataError `blob-size-mismatch`, `digest-mismatch` */
export function assertExpected(ref: string, expected: ExpectedBlob, actual: { digest: Digest; size: number }): void {
  if (expected.size !== undefined && expected.size !== actual.size) {
    throw blobSizeMismatch(ref, expected.size, actual.size);
  }
  if (expected.digest !== undefined && expected.digest !== actual.digest) {
    throw blobDigestMismatch(ref, expected.digest, actual.digest);
  }
}
