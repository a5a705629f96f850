import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { Decompress } from "fzstd";
import { brokenCompression, type DecompressionProgress } from "./decompression-error.ts";
import { inflateThrough } from "./inflate-through.ts";
import { ZstdFrames } from "./zstd-frames.ts";

const CHUNK_SIZE = 256 * 1024;

/** Node's own decoder, which it has from 22.15 on and which is about four times as fast. */
const createNative = (zlib as { createZstdDecompress?: (options: { chunkSize: number }) => Transform })
  .createZstdDecompress;

/**
 * Decompresses zstd: any number of frames; skippable ones (zstd:chunked has them) are passed over. Checksums of frames
 * are verified only by Node's own decoder: whoever needs certainty on Node 20 has the digest of the whole.
 *
 * @throws `decompression-truncated`, `decompression-corrupt`, `compression-unsupported` for frames that need a dictionary
 * or a window over 128 MiB; what the input throws comes through.
 */
export function unzstd(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const progress = { input: 0, output: 0 };
  const pieces = cutFrames(input, progress);
  return createNative === undefined ? decodeInScript(pieces, progress) : decodeNatively(pieces, createNative, progress);
}

type Progress = { -readonly [K in keyof DecompressionProgress]: DecompressionProgress[K] };

async function* cutFrames(input: AsyncIterable<Uint8Array>, progress: Progress): AsyncGenerator<Uint8Array, void> {
  const frames = new ZstdFrames();
  for await (const chunk of input) {
    progress.input += chunk.length;
    const pieces = frames.cut(chunk);
    if (!Array.isArray(pieces)) throw brokenCompression("zstd", "corrupt", progress, new Error(pieces.fault));
    yield* pieces;
  }
  if (!frames.complete) throw brokenCompression("zstd", "truncated", progress);
}

function decodeNatively(
  pieces: AsyncIterable<Uint8Array>,
  create: NonNullable<typeof createNative>,
  progress: Progress,
): AsyncGenerator<Uint8Array, void> {
  // Node's decoder drops what follows a frame in one write, hence the pieces.
  return inflateThrough(pieces, create({ chunkSize: CHUNK_SIZE }), (error, output) =>
    brokenCompression("zstd", "corrupt", { input: progress.input, output }, error),
  );
}

async function* decodeInScript(
  pieces: AsyncIterable<Uint8Array>,
  progress: Progress,
): AsyncGenerator<Uint8Array, void> {
  let ready: Uint8Array[] = [];
  const decoder = new Decompress((chunk) => ready.push(chunk));
  const push = (piece: Uint8Array, final: boolean): void => {
    try {
      decoder.push(piece, final);
    } catch (error) {
      throw brokenCompression("zstd", "corrupt", progress, error);
    }
  };
  for await (const piece of pieces) {
    push(piece, false);
    for (const chunk of ready) progress.output += chunk.length;
    yield* ready;
    ready = [];
  }
  push(new Uint8Array(0), true);
  yield* ready;
}
