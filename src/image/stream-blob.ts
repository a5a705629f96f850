import type { ByteRange } from "../base/index.ts";
import type { OfferedBlob } from "./image-destination.ts";

/**
 * The bytes of an offered blob from `start` on, opened and disposed with the stream. The next chunk is read while the
 * consumer works on the one before.
 */
export async function* streamBlob(
  blob: OfferedBlob,
  { start, signal }: { readonly start: number; readonly signal: AbortSignal | undefined },
): AsyncGenerator<Uint8Array, void> {
  const range: ByteRange = { start, ...(signal === undefined ? {} : { signal }) };
  const source = await blob.open();
  await using _ = source;
  yield* readAhead(source.stream(range));
}

/** The same chunks; one is always on its way. Leaving early waits for that one and closes the stream. */
async function* readAhead(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const iterator = chunks[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<Uint8Array>> | undefined = iterator.next();
  try {
    for (;;) {
      const next: IteratorResult<Uint8Array> = await pending;
      pending = undefined;
      if (next.done === true) return;
      pending = iterator.next();
      // A failure is told by the next turn; nobody else must hear of it.
      pending.catch(() => {});
      yield next.value;
    }
  } finally {
    await pending?.catch(() => {});
    await iterator.return?.();
  }
}
