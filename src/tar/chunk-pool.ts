/** Of the chunks that archives are written in, and that gzip compresses at once, so that it takes them as they are. */
export const CHUNK_SIZE = 1024 * 1024;

/**
 * Chunks that go round: one who makes a stream takes them, and the one who has used up what is in them gives them back. Fresh
 * memory for each would cost the kernel its pages, and the garbage collector a look at everything each few dozen.
 */
export class ChunkPool {
  readonly #size: number;
  readonly #own = new WeakSet<ArrayBufferLike>();
  readonly #free: ArrayBufferLike[] = [];

  /** @param size bytes of each chunk */
  constructor(size: number = CHUNK_SIZE) {
    this.#size = size;
  }

  /** A chunk with anything in it, the caller's until it is given back, if ever. */
  take(): Buffer {
    const free = this.#free.pop();
    if (free !== undefined) return Buffer.from(free);
    const fresh = Buffer.allocUnsafeSlow(this.#size);
    this.#own.add(fresh.buffer);
    return fresh;
  }

  /** Takes back the chunk that these bytes lie in, which nobody uses any more. Other people's bytes are left alone. */
  giveBack({ buffer }: Uint8Array): void {
    if (this.#own.has(buffer)) this.#free.push(buffer);
  }
}
