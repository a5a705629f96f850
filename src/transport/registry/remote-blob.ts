import { StrataError } from "../../base/index.ts";
import type { Descriptor, Digest } from "../../oci/index.ts";
import type { RegistryResponse } from "./http/registry-http.ts";
import { breaksProtocol } from "./registry-error.ts";
import { pathIn, type Repository, withSignal } from "./repository.ts";

/** A blob of a repository, and the length that its descriptor promises. */
export interface RemoteBlob {
  readonly repository: Repository;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
}

/** Offsets in a blob, half open, in bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** An answer with bytes of a blob, and the offset of the first of them. */
export interface BlobAnswer {
  readonly response: RegistryResponse;
  readonly offset: number;
}

/** Looks for a blob by HEAD; undefined when it is not there. Not every registry tells its length. */
export async function statBlob(
  repository: Repository,
  digest: Digest,
  signal?: AbortSignal,
): Promise<{ readonly size: number | undefined } | undefined> {
  const response = await repository.http.request({
    method: "HEAD",
    path: pathIn(repository, `blobs/${digest}`),
    scopes: repository.scopes,
    accept: [200, 404],
    ...withSignal(signal),
  });
  await response.discard();
  if (response.status === 404) return undefined;
  const length = response.headers.get("content-length") ?? "";
  return { size: /^\d{1,15}$/.test(length) ? Number(length) : undefined };
}

/** Whether a repository has a blob, and not one of another length under its digest. */
export async function hasBlob(
  repository: Repository,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  signal?: AbortSignal,
): Promise<boolean> {
  const found = await statBlob(repository, digest, signal);
  return found !== undefined && (found.size ?? size) === size;
}

/**
 * Asks for bytes of a blob (distribution-spec pulling-blobs), by a range unless all are wanted. A registry may ignore
 * ranges: the answer then begins at offset 0.
 * @throws StrataError `missing-blob`, `blob-too-short`, `blob-too-long` where the answer's headers show it already,
 * `registry-protocol` for another range than the one asked for
 */
export async function requestSpan(
  blob: RemoteBlob,
  { start, end }: Span,
  signal: AbortSignal | undefined,
): Promise<BlobAnswer> {
  const { repository, digest, size } = blob;
  const isWhole = start === 0 && end === size;
  const response = await repository.http.request({
    method: "GET",
    path: pathIn(repository, `blobs/${digest}`),
    headers: isWhole ? {} : { range: `bytes=${start}-${end - 1}` },
    scopes: repository.scopes,
    accept: [200, 206, 404, 416],
    ...withSignal(signal),
  });
  try {
    return { response, offset: judge(response, blob, start) };
  } catch (error) {
    await response.discard();
    throw error;
  }
}

/** Offset of the first byte that an answer has. */
function judge({ status, headers }: RegistryResponse, blob: RemoteBlob, wanted: number): number {
  if (status === 404) throw missing(blob);
  if (status === 416) throw wrongLength(blob, wanted);
  if (status === 200) {
    const length = headers.get("content-length");
    if (length !== undefined && Number(length) !== blob.size) throw wrongLength(blob, Number(length));
    return 0;
  }
  const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headers.get("content-range") ?? "");
  if (range === null || Number(range[1]) !== wanted || Number(range[2]) < wanted) {
    throw breaksProtocol(blob.repository, `answers with another range of blob ${blob.digest} than the one asked for`);
  }
  if (range[3] !== "*" && Number(range[3]) !== blob.size) throw wrongLength(blob, Number(range[3]));
  return wanted;
}

/** The error for a blob whose length is not its descriptor's. */
export function wrongLength({ repository, digest, size }: RemoteBlob, actual: number): StrataError {
  return new StrataError({
    code: actual > size ? "blob-too-long" : "blob-too-short",
    kind: "integrity",
    message: `${repository.place} has ${actual} bytes of blob ${digest}, but its descriptor promises ${size}`,
    details: { digest, registry: repository.registry },
  });
}

function missing({ repository, digest }: RemoteBlob): StrataError {
  return new StrataError({
    code: "missing-blob",
    kind: "not-found",
    message: `${repository.place} has no blob ${digest}`,
    details: { digest, registry: repository.registry },
    hint: "The image is incomplete in the registry; push it again",
  });
}
