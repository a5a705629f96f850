import { assertNotAborted, StrataError } from "../../base/index.ts";
import type { OfferedBlob, PutBlobOptions, PutBlobResult } from "../../image/index.ts";
import { verifyStream } from "../../oci/index.ts";
import { createPatience } from "./patience.ts";
import { assertSentDigest, isBroken } from "./registry-error.ts";
import { hasBlob } from "./remote-blob.ts";
import { type Repository, withSignal } from "./repository.ts";
import { sendChunk } from "./upload-chunks.ts";
import { beginUpload, cancelUpload, closingUrl, type UploadSession } from "./upload-session.ts";

/** Shorter blobs are read, and judged, before the first byte is sent. */
const IN_MEMORY_BYTES = 1024 ** 2;
/** A registry that asks for longer chunks gets the blob in one piece. */
const MAX_CHUNK_BYTES = 64 * 1024 ** 2;

type UploadOptions = PutBlobOptions & { readonly isChunked: boolean };

/**
 * Brings a blob into a repository unless it is there: mounted from its origin where that is in the same registry, else
 * uploaded, in one piece or in chunks. What breaks is begun again, or goes on where it stopped. A source that lies, and
 * whatever else ends an upload, ends it before the registry could keep anything.
 *
 * @throws StrataError `digest-mismatch`, `blob-too-long`, `blob-too-short` of the source's bytes;
 * `registry-digest-mismatch`; what refuses the push
 */
export async function uploadBlob(
  repository: Repository,
  blob: OfferedBlob,
  options: PutBlobOptions = {},
): Promise<PutBlobResult> {
  const endure = createPatience(repository);
  const { chunkedFrom, chunkBytes } = repository.transfer;
  // One chunk is no better than one piece; and of one byte registries cannot say that they have it.
  let isChunked = blob.descriptor.size >= Math.max(chunkedFrom, chunkBytes + 1);
  for (let attempt = 0; ; attempt++) {
    // After a failure too: the answer may be all that was lost.
    const isThere = await hasBlob(repository, blob.descriptor, options.signal);
    if (isThere) return attempt === 0 ? "present" : "transferred";
    try {
      return await uploadOnce(repository, blob, { ...options, isChunked });
    } catch (error) {
      assertNotAborted(options.signal);
      if (isChunked && refusesChunks(error)) isChunked = false;
      else if (isBroken(error)) await endure({ failure: error, hasProgressed: false, signal: options.signal });
      else throw error;
    }
    options.onProgress?.(0);
  }
}

async function uploadOnce(repository: Repository, blob: OfferedBlob, options: UploadOptions): Promise<PutBlobResult> {
  const begun = await beginUpload(repository, blob, options.signal);
  if (begun === "mounted") return begun;
  const isChunked = options.isChunked && begun.minChunk <= MAX_CHUNK_BYTES;
  const upload = { session: begun };
  try {
    await (isChunked ? putInChunks : putWhole)(repository, { blob, upload }, options);
    return "transferred";
  } catch (error) {
    await cancelUpload(repository, upload.session);
    throw error;
  }
}

/** What is uploaded, and where to: that changes on the way. */
interface Upload {
  readonly blob: OfferedBlob;
  readonly upload: { session: UploadSession };
}

/** A monolithic upload: one PUT with everything. */
async function putWhole(
  repository: Repository,
  { blob, upload }: Upload,
  { signal, onProgress }: PutBlobOptions,
): Promise<void> {
  const { size } = blob.descriptor;
  const open = (): AsyncIterable<Uint8Array> => sentBytes(blob, { signal, onProgress });
  const body = size <= IN_MEMORY_BYTES ? await collect(open()) : open;
  await close(repository, { blob, upload }, { body, contentLength: size, signal });
}

async function putInChunks(
  repository: Repository,
  { blob, upload }: Upload,
  { signal, onProgress }: PutBlobOptions,
): Promise<void> {
  const length = Math.max(repository.transfer.chunkBytes, upload.session.minChunk);
  let offset = 0;
  for await (const bytes of inChunks(sentBytes(blob, { signal }), length)) {
    upload.session = await sendChunk(repository, upload.session, { bytes, offset, signal });
    offset += bytes.length;
    onProgress?.(offset);
  }
  await close(repository, { blob, upload }, { body: new Uint8Array(), contentLength: 0, signal });
}

interface Closing {
  readonly body: Uint8Array | (() => AsyncIterable<Uint8Array>);
  readonly contentLength: number;
  readonly signal: AbortSignal | undefined;
}

async function close(repository: Repository, { blob, upload }: Upload, closing: Closing): Promise<void> {
  const { body, contentLength, signal } = closing;
  const { digest } = blob.descriptor;
  const response = await repository.http.request({
    method: "PUT",
    path: closingUrl(upload.session, digest),
    headers: { "content-type": "application/octet-stream" },
    body,
    contentLength,
    scopes: repository.scopes,
    accept: [201, 204],
    isRepeatable: false,
    ...withSignal(signal),
  });
  await response.discard();
  assertSentDigest(repository, response, digest);
}

/**
 * The blob's bytes, verified. The last chunk waits for the judgement, so that a registry never has all bytes of a
 * blob that is not what it should be.
 */
async function* sentBytes(
  { descriptor, open }: OfferedBlob,
  { signal, onProgress }: PutBlobOptions,
): AsyncGenerator<Uint8Array, void> {
  const { digest, size } = descriptor;
  await using source = await open();
  let sent = 0;
  let held: Uint8Array | undefined;
  for await (const chunk of verifyStream(source.stream(withSignal(signal)), { digest, size, what: `blob ${digest}` })) {
    if (held !== undefined) {
      yield held;
      sent += held.length;
      onProgress?.(sent);
    }
    held = chunk;
  }
  if (held === undefined) return;
  yield held;
  onProgress?.(size);
}

async function* inChunks(stream: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array, void> {
  let parts: Uint8Array[] = [];
  let held = 0;
  for await (let chunk of stream) {
    while (held + chunk.length >= length) {
      parts.push(chunk.subarray(0, length - held));
      chunk = chunk.subarray(length - held);
      yield Buffer.concat(parts, length);
      parts = [];
      held = 0;
    }
    if (chunk.length > 0) parts.push(chunk);
    held += chunk.length;
  }
  if (held > 0) yield Buffer.concat(parts, held);
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/** Not every registry has chunks. */
function refusesChunks(error: unknown): boolean {
  return error instanceof StrataError && ["registry-unsupported", "registry-refused"].includes(error.code);
}
