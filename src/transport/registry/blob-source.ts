import type { ByteSource } from "../../base/index.ts";
import { downloadSpan } from "./download-blob.ts";
import { downloadRanges } from "./download-ranges.ts";
import type { RemoteBlob } from "./remote-blob.ts";
import { withSignal } from "./repository.ts";

/**
 * A blob as bytes that are fetched when they are read, unverified, by ranges where the registry has them. A stream
 * survives broken connections. Each read is a request: whoever reads at random spools first.
 */
export function blobSource(blob: RemoteBlob, signal?: AbortSignal): ByteSource {
  const { size, repository } = blob;
  const stream: ByteSource["stream"] = ({ start = 0, end = size, signal: own } = {}) => {
    const span = { start, end: Math.min(end, size) };
    const both = own !== undefined && signal !== undefined ? AbortSignal.any([own, signal]) : (own ?? signal);
    return span.end - start >= repository.transfer.rangesFrom
      ? downloadRanges(blob, span, both)
      : downloadSpan(blob, span, { signal: both });
  };
  return {
    size,
    stream,
    read: async (target, offset) => {
      let done = 0;
      const range = { start: offset, end: Math.min(size, offset + target.length), ...withSignal(signal) };
      for await (const chunk of stream(range)) {
        target.set(chunk, done);
        done += chunk.length;
      }
      return done;
    },
    async [Symbol.asyncDispose]() {},
  };
}
