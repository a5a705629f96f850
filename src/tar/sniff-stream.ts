import { type Compression, SNIFF_LENGTH, sniffCompression } from "./sniff-compression.ts";

/** A stream whose compression is known. */
export interface SniffedStream {
  readonly compression: Compression;
  /** All of the stream from its beginning, to be read once; leaving it early closes the stream. */
  readonly whole: AsyncIterable<Uint8Array>;
}

/** Tells the compression of a stream that cannot be read twice: reads its first bytes, and puts them back. */
export async function sniffStream(stream: AsyncIterable<Uint8Array>): Promise<SniffedStream> {
  const iterator = stream[Symbol.asyncIterator]();
  const held: Buffer[] = [];
  let length = 0;
  while (length < SNIFF_LENGTH) {
    const next = await iterator.next();
    if (next.done === true) break;
    // The next call may overwrite it.
    held.push(Buffer.from(next.value));
    length += next.value.length;
  }
  const compression = sniffCompression(Buffer.concat(held));
  async function* whole(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* held.splice(0);
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { compression, whole: whole() };
}
