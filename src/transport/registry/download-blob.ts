import type { StrataError } from "../../base/index.ts";
import { createPatience } from "./patience.ts";
import { isBroken } from "./registry-error.ts";
import { type BlobAnswer, type RemoteBlob, requestSpan, type Span, wrongLength } from "./remote-blob.ts";

/** How a part of a blob is downloaded. */
export interface DownloadOptions {
  readonly signal: AbortSignal | undefined;
  /** An answer to the first request, where it was sent already. */
  readonly first?: BlobAnswer;
  /** Sees each answer before its body is read; what it throws ends the download. */
  readonly onAnswer?: (answer: BlobAnswer, wanted: number) => void;
}

/** That many bytes between two failures are progress: a server that gives one byte at a time is not waited for. */
const PROGRESS_BYTES = 64 * 1024;

/**
 * The bytes of a span in order, never more, whatever the registry sends. A connection that breaks is replaced by another
 * that goes on where it stopped, a bounded number of times. Nothing is verified.
 * @throws StrataError `blob-too-short` when the registry has no more bytes; of {@link requestSpan}; what broke the
 * last connection
 */
export async function* downloadSpan(
  blob: RemoteBlob,
  { start, end }: Span,
  { signal, first, onAnswer }: DownloadOptions,
): AsyncGenerator<Uint8Array, void> {
  const endure = createPatience(blob.repository);
  let offset = start;
  let last = start;
  let answer = first;
  while (offset < end) {
    answer ??= await requestSpan(blob, { start: offset, end }, signal);
    onAnswer?.(answer, offset);
    let failure: StrataError | undefined;
    try {
      for await (const chunk of clip(answer, { start: offset, end })) {
        offset += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (!isBroken(error)) throw error;
      failure = error;
    }
    if (offset >= end) return;
    const hasProgressed = offset - last >= PROGRESS_BYTES;
    last = offset;
    // RFC 9110 14.2: a server may give less of a range than was asked for.
    const isShortRange = failure === undefined && answer.response.status === 206 && hasProgressed;
    answer = undefined;
    if (!isShortRange) await endure({ failure: failure ?? wrongLength(blob, offset), hasProgressed, signal });
  }
}

/** The part of an answer that lies in the span. The rest of an endless body is not waited for. */
async function* clip({ response, offset }: BlobAnswer, { start, end }: Span): AsyncGenerator<Uint8Array, void> {
  // Where the length was announced, reading to the end costs nothing and keeps the connection.
  const isFramed = response.headers.get("content-length") !== undefined;
  let position = offset;
  for await (const chunk of response.body) {
    const from = Math.max(0, start - position);
    const part = chunk.subarray(from, Math.max(from, end - position));
    position += chunk.length;
    if (part.length > 0) yield part;
    if (position > end || (position === end && !isFramed)) return;
  }
}
