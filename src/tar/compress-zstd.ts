import * as zlib from "node:zlib";
import { type BlockOptions, compressInBlocks, type InputBlock } from "./compress-in-blocks.ts";

const BLOCK_SIZE = 4 * 1024 * 1024;
/** Room for a block that does not compress (ZSTD_COMPRESSBOUND), so that one visit to a thread does it. */
const OUTPUT_SIZE = BLOCK_SIZE + BLOCK_SIZE / 128;
/** ZSTD_c_compressionLevel and ZSTD_c_checksumFlag of zstd.h. */
const LEVEL_PARAMETER = 100;
const CHECKSUM_PARAMETER = 201;

interface NativeOptions {
  readonly chunkSize: number;
  readonly pledgedSrcSize: number;
  readonly params: Readonly<Record<number, number>>;
}

type NativeCompress = (
  bytes: Uint8Array,
  options: NativeOptions,
  callback: (error: Error | null, result: Buffer) => void,
) => void;

/** Node's own encoder, which it has from 22.15 on. */
const compressNatively = (zlib as { zstdCompress?: NativeCompress }).zstdCompress;

/**
 * One zstd frame (RFC 8878) a block, each with a checksum of its content: decoders take a row of frames for one stream,
 * and none needs more memory than a block.
 */
export async function* zstd(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly level: number } & Omit<BlockOptions, "blockSize">,
): AsyncGenerator<Uint8Array, void> {
  const { level, signal } = options;
  // In script there is one thread: more blocks at once would only take more memory.
  const concurrency = compressNatively === undefined ? 1 : options.concurrency;
  const encode = compressNatively === undefined ? await scriptEncoder(level) : nativeEncoder(compressNatively, level);
  yield* compressInBlocks(chunks, encode, { blockSize: BLOCK_SIZE, concurrency, signal });
}

function nativeEncoder(compress: NativeCompress, level: number): (block: InputBlock) => Promise<Uint8Array> {
  const params = { [LEVEL_PARAMETER]: level, [CHECKSUM_PARAMETER]: 1 };
  return ({ bytes }) =>
    new Promise((resolve, reject) => {
      compress(bytes, { chunkSize: OUTPUT_SIZE, pledgedSrcSize: bytes.length, params }, (error, result) => {
        if (error === null) resolve(result);
        else reject(error);
      });
    });
}

async function scriptEncoder(level: number): Promise<(block: InputBlock) => Promise<Uint8Array>> {
  script ??= loadScript();
  const { compress, hash } = await script;
  return async ({ bytes }) => addChecksum(compress(bytes, level), hash(bytes));
}

interface Script {
  readonly compress: (bytes: Uint8Array, level: number) => Uint8Array;
  readonly hash: (bytes: Uint8Array) => bigint;
}

/** Loaded once: the encoder has one memory, which a second `init` would replace under the feet of the first. */
let script: Promise<Script> | undefined;

async function loadScript(): Promise<Script> {
  const [{ compress, init }, { default: loadHash }] = await Promise.all([
    import("@bokuweb/zstd-wasm"),
    import("xxhash-wasm"),
  ]);
  const [{ h64Raw }] = await Promise.all([loadHash(), init()]);
  return { compress, hash: h64Raw };
}

/** Offset and bit of the frame header that announce a checksum (RFC 8878, section 3.1.1.1.1). */
const DESCRIPTOR_OFFSET = 4;
const CHECKSUM_BIT = 4;

/** Completes a frame without a checksum: this encoder cannot be asked for one. */
function addChecksum(frame: Uint8Array, hash: bigint): Uint8Array {
  const completed = Buffer.alloc(frame.length + 4);
  completed.set(frame);
  completed[DESCRIPTOR_OFFSET] = (completed[DESCRIPTOR_OFFSET] as number) | CHECKSUM_BIT;
  completed.writeUInt32LE(Number(BigInt.asUintN(32, hash)), frame.length);
  return completed;
}
