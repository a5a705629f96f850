import { promisify } from "node:util";
import { constants, crc32, deflateRaw } from "node:zlib";
import { CHUNK_SIZE, type ChunkPool } from "./chunk-pool.ts";
import { compressInBlocks, type InputBlock } from "./compress-in-blocks.ts";

/** Measured: from 512 KiB to 1 MiB a tenth faster, beyond that nothing; the size of the output is the same. */
const BLOCK_SIZE = CHUNK_SIZE;
/** How far deflate looks back (RFC 1951, section 3.2.5). */
const WINDOW = 32 * 1024;
/** Room for most blocks, so that one visit to a thread does it; room that stays empty brings the garbage collector nonetheless. */
const OUTPUT_SIZE = BLOCK_SIZE / 4;
/** Without compression the bytes depend on the room, as blocks end where it does. */
const STORED_SIZE = BLOCK_SIZE + BLOCK_SIZE / 64;

const deflate = promisify<Buffer, Parameters<typeof deflateRaw>[1], Buffer>(deflateRaw);

/** How {@link gzip} works: as `compress`. */
export interface GzipOptions {
  readonly level: number;
  readonly concurrency: number;
  readonly signal: AbortSignal | undefined;
  readonly pool: ChunkPool | undefined;
}

/**
 * One gzip member (RFC 1952) from blocks that are deflated independently: each knows the end of the block before it as
 * its dictionary and ends at a byte boundary (sync flush), so that their concatenation is one deflate stream.
 */
export async function* gzip(chunks: AsyncIterable<Uint8Array>, options: GzipOptions): AsyncGenerator<Uint8Array, void> {
  const { level, ...rest } = options;
  const sum = { crc: 0, length: 0 };
  const encode = (block: InputBlock): Promise<Buffer> => deflateBlock(block, level);
  const blocks = compressInBlocks(summed(chunks, sum), encode, { blockSize: BLOCK_SIZE, ...rest });
  let begun = false;
  for await (const block of blocks) {
    // Not before the loop: a consumer who left there would leave an input behind that nobody closes.
    if (!begun) yield encodeHeader();
    begun = true;
    yield block;
  }
  yield encodeTrailer(sum);
}

interface Sum {
  crc: number;
  length: number;
}

async function* summed(chunks: AsyncIterable<Uint8Array>, sum: Sum): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    sum.crc = crc32(chunk, sum.crc);
    sum.length += chunk.length;
    yield chunk;
  }
}

function deflateBlock({ bytes, previous, last }: InputBlock, level: number): Promise<Buffer> {
  return deflate(bytes, {
    level,
    chunkSize: level === 0 ? STORED_SIZE : OUTPUT_SIZE,
    finishFlush: last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
    ...(previous === undefined ? {} : { dictionary: previous.subarray(previous.length - WINDOW) }),
  });
}

/** Deflate, no name, no time, unknown system: nothing that differs between machines. */
function encodeHeader(): Buffer {
  return Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
}

function encodeTrailer({ crc, length }: Sum): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(length % 2 ** 32, 4);
  return trailer;
}
