import type { ByteSource } from "../base/index.ts";

/** A range of a tar that becomes something else. */
export interface TarSplice {
  readonly start: number;
  /** The first byte that stays. */
  readonly end: number;
  /** Makes other bytes of those in the range, which must fit into memory. Absent: they go. */
  readonly patch?: (original: Buffer) => Uint8Array;
  /** What comes in their place, after what {@link patch} gives. */
  readonly insert?: AsyncIterable<Uint8Array>;
}

/** Pieces below this size are gathered into one chunk of about this size. */
const CHUNK_SIZE = 256 * 1024;

/**
 * A tar with some ranges replaced, and all other bytes as they are. The tar is read once, from front to back.
 * @param splices ascending, not overlapping; taken as they are needed
 */
export function spliceTar(
  tar: ByteSource,
  splices: Iterable<TarSplice>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  return gathered(piecesOf(tar, splices, signal));
}

async function* piecesOf(
  tar: ByteSource,
  splices: Iterable<TarSplice>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const reader = new ForwardReader(tar.stream({ ...(signal && { signal }) }));
  try {
    for (const { start, end, patch, insert } of splices) {
      yield* reader.upTo(start);
      const original: Uint8Array[] = [];
      for await (const piece of reader.upTo(end)) if (patch !== undefined) original.push(piece);
      if (patch !== undefined) yield patch(Buffer.concat(original));
      if (insert !== undefined) yield* insert;
    }
    yield* reader.upTo(Number.POSITIVE_INFINITY);
  } finally {
    await reader.close();
  }
}

/** Hands out a stream in parts. */
class ForwardReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  #offset = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** What is left before an offset of the stream. */
  async *upTo(end: number): AsyncGenerator<Uint8Array> {
    while (this.#offset < end) {
      if (this.#chunk.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) return;
        this.#chunk = next.value;
      }
      const piece = this.#chunk.subarray(0, Math.min(this.#chunk.length, end - this.#offset));
      this.#chunk = this.#chunk.subarray(piece.length);
      this.#offset += piece.length;
      yield piece;
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

/** The same bytes in chunks that are worth their cost. */
async function* gathered(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    held.push(piece);
    size += piece.length;
    if (size < CHUNK_SIZE) continue;
    yield held.length === 1 ? piece : Buffer.concat(held, size);
    held = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(held, size);
}
