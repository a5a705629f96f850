import type { ByteRange, ByteSource } from "../base/index.ts";
import type { LocatedSource, Scratch } from "../content/index.ts";

/** How a compressed layer is inflated: from its beginning, as often as asked, verified at its end. */
export interface CompressedTar {
  readonly size: number;
  readonly scratch: Scratch;
  inflate(): AsyncIterable<Uint8Array>;
}

/**
 * The uncompressed tar behind a compressed layer, readable at any offset.
 *
 * The first sequential read inflates up to what it wants. Everything after that, and every random read, spools the tar
 * once into the scratch, so that no number of reads inflates it more than twice. Dispose it to free the spool.
 */
export function lazyTar({ size, scratch, inflate }: CompressedTar): ByteSource {
  let wasStreamed = false;
  let spooled: Promise<LocatedSource> | undefined;
  const spool = (): Promise<LocatedSource> => {
    spooled ??= spoolInto(scratch, inflate());
    return spooled;
  };
  return {
    size,
    read: async (target, offset) => (await spool()).read(target, offset),
    async *stream(range = {}) {
      const isFirst = !wasStreamed && spooled === undefined;
      wasStreamed = true;
      yield* isFirst ? cut(inflate(), range) : (await spool()).stream(range);
    },
    async [Symbol.asyncDispose]() {
      await (await spooled)?.[Symbol.asyncDispose]();
    },
  };
}

async function spoolInto(scratch: Scratch, bytes: AsyncIterable<Uint8Array>): Promise<LocatedSource> {
  const file = await scratch.create();
  try {
    for await (const chunk of bytes) await file.write(chunk);
    return await file.finish();
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

/** The range `[start, end)` of a stream. Stops reading at its end. */
async function* cut(
  bytes: AsyncIterable<Uint8Array>,
  { start = 0, end = Number.POSITIVE_INFINITY }: ByteRange,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of bytes) {
    const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at));
    if (part.length > 0) yield part;
    at += chunk.length;
    if (at >= end) return;
  }
}
