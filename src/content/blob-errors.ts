import { StrataError } from "../base/index.ts";
import type { Digest } from "../oci/index.ts";

/** The error for a blob that is not in the store. */
export function blobNotFound(digest: Digest, place: string): StrataError {
  return new StrataError({
    code: "blob-not-found",
    kind: "not-found",
    message: `There is no blob ${digest} in ${place}`,
    details: { digest },
  });
}

/** The error for bytes that are more or fewer than was said before they came. */
export function blobSizeMismatch(ref: string, expected: number, actual: number): StrataError {
  const problem = actual > expected ? "there are more bytes than that" : `it ends after ${actual}`;
  return new StrataError({
    code: "blob-size-mismatch",
    kind: "integrity",
    message: `${ref} should have ${expected} bytes, but ${problem}`,
    details: { ref, expected, offset: Math.min(actual, expected) },
  });
}

/** The error for bytes that are not those that were expected. */
export function blobDigestMismatch(ref: string, expected: Digest, actual: Digest): StrataError {
  return new StrataError({
    code: "digest-mismatch",
    kind: "integrity",
    message: `${ref} should have the digest ${expected} but has ${actual}`,
    details: { ref, digest: expected, actual },
  });
}

/** The error for a ref that another ingest holds. */
export function ingestLocked(ref: string, cause?: unknown): StrataError {
  return new StrataError({
    code: "ingest-locked",
    kind: "unavailable",
    message: `${ref} is being transferred already`,
    details: { ref },
    hint: "Wait until the other transfer has finished",
    cause,
  });
}

/** The error for an ingest that was committed, aborted or disposed. */
export function ingestClosed(ref: string): StrataError {
  return new StrataError({
    code: "ingest-closed",
    kind: "internal",
    message: `The ingest of ${ref} has ended`,
    details: { ref },
  });
}
