import { BLOCK_SIZE, checkBlock } from "./header-block.ts";

/** How a stream is compressed, told by its first bytes. `none` means: nothing we know, taken as it is. */
export type Compression =
  | "none"
  | "gzip"
  | "zstd"
  | "bzip2"
  | "xz"
  | "lz4"
  | "lzma"
  | "lzip"
  | "lzop"
  | "lrzip"
  | "grzip"
  | "compress";

/** Bytes that {@link sniffCompression} wants to see, where there are so many. */
export const SNIFF_LENGTH: number = BLOCK_SIZE;

const MAGICS: readonly (readonly [kind: Compression, magic: readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["lz4", [0x04, 0x22, 0x4d, 0x18]],
  ["lz4", [0x02, 0x21, 0x4c, 0x18]],
  ["lzip", [0x4c, 0x5a, 0x49, 0x50]],
  ["lzop", [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a]],
  ["lrzip", [0x4c, 0x52, 0x5a, 0x49]],
  ["grzip", [0x47, 0x52, 0x5a, 0x69, 0x70, 0x49, 0x49, 0x00]],
  ["compress", [0x1f, 0x9d]],
];

/**
 * Tells the compression of a stream from its first {@link SNIFF_LENGTH} bytes (fewer where the stream is shorter).
 * What begins with a valid tar header is not compressed, whatever its first entry is called.
 */
export function sniffCompression(head: Uint8Array): Compression {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (bytes.length >= BLOCK_SIZE && checkBlock(bytes, 0) === "valid") return "none";
  const start = skipSkippableFrames(bytes);
  const known = MAGICS.find(([, magic]) => magic.every((byte, i) => bytes[start + i] === byte));
  // zstd and lz4 share the magic of skippable frames; images have zstd.
  if (known !== undefined) return known[0];
  if (start > 0) return "zstd";
  return isLzma(bytes) ? "lzma" : "none";
}

/** LZMA has no magic: a byte of properties, a round dictionary size, a length below 1 TiB or unknown, then a zero. */
function isLzma(bytes: Buffer): boolean {
  if (bytes.length < 14 || (bytes[0] as number) >= 225 || bytes[13] !== 0) return false;
  const dictionary = bytes.readUInt32LE(1);
  const lowestBit = dictionary & -dictionary;
  const isRound = dictionary >= 4096 && (dictionary === lowestBit >>> 0 || dictionary === 3 * lowestBit);
  const length = bytes.readBigUInt64LE(5);
  return isRound && (length === 0xffff_ffff_ffff_ffffn || length < 1n << 40n);
}

function skipSkippableFrames(bytes: Buffer): number {
  let start = 0;
  while (start + 8 <= bytes.length && (bytes.readUInt32LE(start) & 0xfffffff0) >>> 0 === 0x184d2a50) {
    start += 8 + bytes.readUInt32LE(start + 4);
  }
  return start;
}
