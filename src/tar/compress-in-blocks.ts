import { assertNotAborted } from "../base/index.ts";
import { ChunkPool } from "./chunk-pool.ts";

/** A stretch of the input. Its memory is used again when it has been encoded, and the next one too. */
export interface InputBlock {
  readonly bytes: Buffer;
  /** The block before it. */
  readonly previous: Buffer | undefined;
  readonly last: boolean;
}

/** How {@link compressInBlocks} works. */
export interface BlockOptions {
  /** Bytes of every block but the last. */
  readonly blockSize: number;
  /** Calls of `encode` under way at once. */
  readonly concurrency: number;
  readonly signal: AbortSignal | undefined;
  /** Gets back those chunks of the input, each as long as a block, that are from there and became blocks as they are. */
  readonly pool?: ChunkPool | undefined;
}

/**
 * Cuts the input at multiples of the block size, encodes the blocks in parallel and hands the results out in order.
 * There is always a last block, empty only when the input is. Up to twice `concurrency` blocks are read ahead of the
 * consumer; none is being encoded any more when the iteration has ended, however it ended.
 */
export async function* compressInBlocks(
  chunks: AsyncIterable<Uint8Array>,
  encode: (block: InputBlock) => Promise<Uint8Array>,
  { blockSize, concurrency, signal, pool }: BlockOptions,
): AsyncGenerator<Uint8Array, void> {
  assertNotAborted(signal);
  const lanes = new Lanes(concurrency);
  const results: Promise<Uint8Array>[] = [];
  const own = new ChunkPool(blockSize);
  let before: Promise<unknown> = Promise.resolve();
  try {
    for await (const block of cutBlocks(chunks, blockSize, own)) {
      assertNotAborted(signal);
      const result = lanes.run(() => encode(block));
      results.push(result);
      // A block serves its own encoding and that of the next.
      if (block.previous !== undefined) giveBack(block.previous, [before, result], [own, pool]);
      before = result;
      // Twice as many, so that a lane never waits for the consumer to come back for more.
      while (results.length >= 2 * concurrency) yield await (results.shift() as Promise<Uint8Array>);
    }
    for (let result = results.shift(); result !== undefined; result = results.shift()) {
      assertNotAborted(signal);
      yield await result;
    }
  } finally {
    await lanes.close();
  }
}

/** When it has served all its uses; after a failure never, for then nobody wants it. */
function giveBack(block: Buffer, uses: readonly Promise<unknown>[], pools: readonly (ChunkPool | undefined)[]): void {
  Promise.all(uses).then(
    () => {
      for (const pool of pools) pool?.giveBack(block);
    },
    () => {},
  );
}

async function* cutBlocks(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  pool: ChunkPool,
): AsyncGenerator<InputBlock, void> {
  let previous: Buffer | undefined;
  let bytes: Buffer | undefined;
  let length = 0;
  for await (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      // Only the byte after a full block tells that it is not the last.
      if (bytes !== undefined && length === size) {
        yield { bytes, previous, last: false };
        previous = bytes;
        bytes = undefined;
        length = 0;
      }
      const part = chunk.subarray(at, at + size - length);
      // What is a whole block already need not be copied.
      bytes ??= part.length === size ? bufferOf(part) : pool.take();
      if (part.length < size) bytes.set(part, length);
      length += part.length;
      at += part.length;
    }
  }
  yield { bytes: bytes?.subarray(0, length) ?? Buffer.alloc(0), previous, last: true };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Runs tasks, at most so many at once, in the order in which they come. */
class Lanes {
  #free: number;
  #closed = false;
  readonly #waiting: (() => void)[] = [];
  readonly #running = new Set<Promise<unknown>>();

  constructor(count: number) {
    this.#free = count;
  }

  /** The result of the task; a failure is lost when nobody waits for it. Never settles when closed before it began. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = new Promise<T>((resolve) => {
      const start = (): void => {
        const running = (async () => task())().finally(() => {
          this.#running.delete(running);
          this.#free++;
          this.#startNext();
        });
        this.#running.add(running);
        resolve(running);
      };
      this.#waiting.push(start);
    });
    result.catch(() => {});
    this.#startNext();
    return result;
  }

  /** Starts no task any more and resolves when those under way have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
  }

  #startNext(): void {
    if (this.#closed || this.#free === 0) return;
    const start = this.#waiting.shift();
    if (start === undefined) return;
    this.#free--;
    start();
  }
}
