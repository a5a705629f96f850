import { assertNotAborted, StrataError } from "../base/index.ts";
import type { BlobInfo, BlobIngester, BlobReader, ExpectedBlob, Ingest } from "./content-store.ts";

/** A blob that can be had from somewhere else. */
export interface IncomingBlob {
  /** What the bytes must be. Without a digest nothing is resumed, because nothing would notice a wrong beginning. */
  readonly expected: ExpectedBlob;
  /** Names the transfer; the expected digest unless given. */
  readonly ref?: string | undefined;
  /** The bytes from that offset on. Called again after a resumed transfer turned out wrong. */
  open(offset: number): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

/** Is told about one blob on its way in, in order; the end comes last. Must not throw. */
export interface IngestFollower {
  /** Bytes of the blob that are there; the file has them now or soon. */
  more(bytes: number): void;
  /** The blob is verified, durable and visible. */
  complete(): void;
  /** It is not: what was read from the growing file may be wrong. */
  fail(): void;
}

/** A blob whose transfer begins, or goes on. */
export interface FollowedIngest {
  readonly expected: ExpectedBlob;
  /** As `Ingest.path`. */
  readonly path: string;
}

/** Called when the transfer of a blob begins: gives who is to be told of it, if anybody. */
export type FollowIngest = (ingest: FollowedIngest) => IngestFollower | undefined;

/** How {@link ingestStream} goes about it. */
export interface IngestStreamOptions {
  /** Ends the transfer between two chunks, and the waiting for another one; `open` sees to its own waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the blob that are there, resumed ones included; never decreases, save to 0 when it begins anew. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
  /** For readers that follow the growing file; not called for a blob that is here. */
  readonly onIngest?: FollowIngest | undefined;
}

/** What became of an incoming blob. */
export interface IngestedBlob extends BlobInfo {
  /** `present`: it was here, or another transfer that was waited for brought it. */
  readonly result: "present" | "transferred";
  /** Bytes that were asked of the source, over all attempts. */
  readonly transferred: number;
}

/**
 * Takes a blob in, unless it is here: waits for another transfer of it, goes on where an earlier one was broken off,
 * verifies, commits. When a resumed transfer turns out wrong, the earlier part may be to blame: it is fetched once more
 * from the start. A transfer that breaks off leaves its bytes to be resumed; wrong bytes leave nothing.
 *
 * @throws StrataError `digest-mismatch`, `blob-size-mismatch` (integrity), `transfer-cut-short` (unavailable), `aborted`,
 * and what `open` and the store throw
 */
export async function ingestStream(
  store: BlobReader & BlobIngester,
  blob: IncomingBlob,
  options: IngestStreamOptions = {},
): Promise<IngestedBlob> {
  const { expected, ref = expected.digest } = blob;
  if (ref === undefined) throw noRef();
  const present = await findPresent(store, expected);
  if (present !== undefined) return present;
  await using ingest = await store.ingest(ref, expected, { shouldWait: true, signal: options.signal });
  // Whoever held the ref before us may have brought it.
  const arrived = await findPresent(store, expected);
  if (arrived !== undefined) {
    await ingest.abort();
    return arrived;
  }
  if (expected.digest === undefined && ingest.offset > 0) await ingest.restart();
  return await transferAndCommit(ingest, blob, options);
}

async function findPresent(store: BlobReader, { digest, size }: ExpectedBlob): Promise<IngestedBlob | undefined> {
  const info = digest === undefined ? undefined : await store.stat(digest);
  // One of another length is damaged, and commit puts the good bytes in its place.
  if (info === undefined || (size !== undefined && size !== info.size)) return undefined;
  return { ...info, result: "present", transferred: 0 };
}

async function transferAndCommit(
  ingest: Ingest,
  blob: IncomingBlob,
  options: IngestStreamOptions,
): Promise<IngestedBlob> {
  const resumedAt = ingest.offset;
  let transferred = 0;
  const { path } = ingest;
  const follower = path === undefined ? undefined : options.onIngest?.({ expected: blob.expected, path });
  const attempt = async (): Promise<BlobInfo> => {
    for await (const length of transfer(ingest, blob, options)) {
      transferred += length;
      follower?.more(ingest.offset);
    }
    assertWhole(ingest, blob.expected);
    return await ingest.commit();
  };
  try {
    const info = await attempt().catch(async (error: unknown) => {
      if (resumedAt === 0 || !isWrong(error)) throw error;
      follower?.fail();
      await ingest.restart();
      return await attempt();
    });
    follower?.complete();
    return { ...info, result: "transferred", transferred };
  } catch (error) {
    follower?.fail();
    if (isWrong(error)) await ingest.abort();
    throw error;
  }
}

/** Brings the bytes that are missing; yields the length of each chunk. */
async function* transfer(ingest: Ingest, blob: IncomingBlob, options: IngestStreamOptions): AsyncGenerator<number> {
  const start = ingest.offset;
  options.onProgress?.(start);
  // A server has no answer to a range that begins at the end.
  if (start > 0 && start === blob.expected.size) return;
  for await (const chunk of await blob.open(start)) {
    assertNotAborted(options.signal);
    yield chunk.length;
    await ingest.write(chunk);
    options.onProgress?.(ingest.offset);
  }
}

/** A source that ended too early was probably cut off: what it gave stays for the next attempt. */
function assertWhole(ingest: Ingest, { size }: ExpectedBlob): void {
  if (size === undefined || ingest.offset >= size) return;
  throw new StrataError({
    code: "transfer-cut-short",
    kind: "unavailable",
    message: `The transfer of ${ingest.ref} ended after ${ingest.offset} of ${size} bytes`,
    details: { ref: ingest.ref, expected: size, offset: ingest.offset },
    hint: "Try again: it goes on from there",
  });
}

/** Whether the bytes themselves are to blame. */
function isWrong(error: unknown): boolean {
  return error instanceof StrataError && error.kind === "integrity";
}

function noRef(): StrataError {
  return new StrataError({
    code: "ingest-without-ref",
    kind: "invalid-argument",
    message: "A blob whose digest is not known needs a ref that names its transfer",
  });
}
