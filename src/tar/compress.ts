import { assertNotAborted, StrataError } from "../base/index.ts";
import type { ChunkPool } from "./chunk-pool.ts";

/** What a stream can be compressed with; `none` leaves it as it is. */
export type CompressionFormat = "gzip" | "zstd" | "none";

/** How {@link compress} works. */
export interface CompressOptions {
  /** gzip: 0 to 9, default 4: in two thirds of the time of 6, 3 % larger. zstd: 1 to 19, default 3. Ignored for `none`. */
  readonly level?: number;
  /**
   * Blocks compressed at once, at least 1, which is the default; callers pass twice the number of processors. More than 8 are
   * taken for 8, to bound the memory. The work runs on libuv's threads, of which there are 4 unless UV_THREADPOOL_SIZE
   * says otherwise. zstd on a Node without it (before 22.15) runs on the calling thread, one block after the other.
   */
  readonly concurrency?: number;
  /** Looked at between blocks; a source that may hang should listen to the same signal. */
  readonly signal?: AbortSignal;
  /** Where chunks of the input go, if they are from there, when gzip has no more use for them. */
  readonly pool?: ChunkPool;
}

const MOST_AT_ONCE = 8;
const GZIP_LEVEL = 4;
const ZSTD_LEVEL = 3;

/**
 * Compresses a stream. The output bytes depend on the input and the level only, not on how the input was cut into
 * chunks and not on `concurrency`. They are those of the library that makes them: zlib's are the same in Node 20 and 26,
 * though nobody promises that (RFC 1951 leaves the choice to the encoder); zstd's differ between its versions, and
 * between Node's own encoder (22.15 and later) and the one in script that stands in for it. What comes out of them is
 * always the same. gzip: one member without a name or a time. zstd: a frame for every 4 MiB of input, each with a
 * checksum.
 *
 * The input is read only as the output is taken. Memory: `2 × concurrency + 2` blocks (gzip 1 MiB, zstd 4 MiB) of input
 * and as much of output, whatever the length of the stream. Chunks belong to the consumer. Leaving early closes the
 * input and returns when no block is being compressed any more.
 *
 * @throws when iterated: `invalid-compression`, `aborted`; what the input throws comes through.
 */
export async function* compress(
  chunks: AsyncIterable<Uint8Array>,
  format: CompressionFormat,
  options: CompressOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const { level, signal, pool } = options;
  assertInteger("concurrency", options.concurrency ?? 1, 1, Number.MAX_SAFE_INTEGER);
  const concurrency = Math.min(options.concurrency ?? 1, MOST_AT_ONCE);
  switch (format) {
    case "none":
      return yield* passThrough(chunks, signal);
    case "gzip": {
      assertInteger("level", level ?? GZIP_LEVEL, 0, 9);
      const { gzip } = await import("./compress-gzip.ts");
      return yield* gzip(chunks, { level: level ?? GZIP_LEVEL, concurrency, signal, pool });
    }
    case "zstd": {
      assertInteger("level", level ?? ZSTD_LEVEL, 1, 19);
      const { zstd } = await import("./compress-zstd.ts");
      return yield* zstd(chunks, { level: level ?? ZSTD_LEVEL, concurrency, signal });
    }
  }
}

async function* passThrough(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  assertNotAborted(signal);
  for await (const chunk of chunks) {
    yield chunk;
    assertNotAborted(signal);
  }
}

function assertInteger(option: "level" | "concurrency", value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  const range = option === "level" ? `from ${min} to ${max}` : `of at least ${min}`;
  throw new StrataError({
    code: "invalid-compression",
    kind: "invalid-argument",
    message: `Cannot compress with ${option} ${value}: it must be a whole number ${range}`,
    details: { option, value },
  });
}
