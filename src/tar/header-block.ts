/** Bytes of a tar block; headers are one block, data is padded to whole blocks. */
export const BLOCK_SIZE = 512;

/** Bytes of padding after data of `size` bytes, up to the next whole block. */
export function paddingOf(size: number): number {
  const rest = size % BLOCK_SIZE;
  return rest === 0 ? 0 : BLOCK_SIZE - rest;
}

/** Where a field lies in a header block. */
export interface Field {
  readonly at: number;
  readonly length: number;
}

/** The fields of POSIX.1-1988 (ustar), which all later formats keep. */
export const USTAR = {
  name: { at: 0, length: 100 },
  mode: { at: 100, length: 8 },
  uid: { at: 108, length: 8 },
  gid: { at: 116, length: 8 },
  size: { at: 124, length: 12 },
  mtime: { at: 136, length: 12 },
  checksum: { at: 148, length: 8 },
  typeflag: { at: 156, length: 1 },
  linkName: { at: 157, length: 100 },
  magic: { at: 257, length: 8 },
  uname: { at: 265, length: 32 },
  gname: { at: 297, length: 32 },
  devMajor: { at: 329, length: 8 },
  devMinor: { at: 337, length: 8 },
  prefix: { at: 345, length: 155 },
} as const satisfies Record<string, Field>;

/** What star keeps in the second half of the ustar prefix. */
export const STAR = {
  prefix: { at: 345, length: 131 },
  atime: { at: 476, length: 12 },
  ctime: { at: 488, length: 12 },
  trailer: { at: 508, length: 4 },
} as const satisfies Record<string, Field>;

/** What GNU keeps in place of the ustar prefix. */
export const GNU = {
  atime: { at: 345, length: 12 },
  ctime: { at: 357, length: 12 },
  sparse: { at: 386, length: 4 * 24 },
  isExtended: { at: 482, length: 1 },
  realSize: { at: 483, length: 12 },
} as const satisfies Record<string, Field>;

/** The dialect of a header block, told by its magic. PAX is ustar with extension entries. */
export type HeaderDialect = "v7" | "ustar" | "star" | "gnu";

const MAGIC_USTAR = Buffer.from("ustar\0");
const MAGIC_GNU = Buffer.from("ustar  \0");
const TRAILER_STAR = Buffer.from("tar\0");

/** Tells the dialect of the header block at `start`. */
export function dialectOf(bytes: Buffer, start: number): HeaderDialect {
  const magic = start + USTAR.magic.at;
  if (holds(bytes, magic, MAGIC_USTAR)) {
    return holds(bytes, start + STAR.trailer.at, TRAILER_STAR) ? "star" : "ustar";
  }
  return holds(bytes, magic, MAGIC_GNU) ? "gnu" : "v7";
}

/**
 * Judges the block at `start` by its checksum: `zero` when all bytes are 0, `valid` when the stored sum is that of the
 * bytes (read as unsigned or, as some old writers did, as signed), else `invalid`. A hot loop brings its own `view`.
 */
export function checkBlock(bytes: Buffer, start: number, view = viewOf(bytes)): "zero" | "valid" | "invalid" {
  const sum = sumOf(view, start);
  if (sum === 0) return "zero";
  const stored = readNumber(bytes, start, USTAR.checksum);
  const expected = sum - checksumFieldSum(bytes, start) + USTAR.checksum.length * 0x20;
  if (stored === expected) return "valid";
  return stored === expected - 256 * highBytesOutsideChecksum(bytes, start) ? "valid" : "invalid";
}

/**
 * Reads a number: octal digits between spaces or NULs, or base-256 (two's complement, first bit set).
 * An empty field is 0; NaN means that it is neither or exceeds what a double holds exactly.
 */
export function readNumber(bytes: Buffer, start: number, field: Field): number {
  let i = start + field.at;
  const end = i + field.length;
  if ((bytes[i] as number) >= 0x80) return readBase256(bytes, i, end);
  while (i < end && (bytes[i] === 0x20 || bytes[i] === 0)) i++;
  let value = 0;
  for (; i < end; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  while (i < end && bytes[i] === 0x20) i++;
  return i === end || bytes[i] === 0 ? value : Number.NaN;
}

/** Reads a string up to the first NUL or the end of the field. */
export function readString(bytes: Buffer, start: number, field: Field): string {
  const from = start + field.at;
  const limit = from + field.length;
  if (bytes[from] === 0) return "";
  let end = from;
  while (end < limit && bytes[end] !== 0) end++;
  return bytes.toString("latin1", from, end);
}

/** A view of the same bytes. */
export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readBase256(bytes: Buffer, start: number, end: number): number {
  const negative = ((bytes[start] as number) & 0x40) !== 0;
  let value = (bytes[start] as number) & 0x3f;
  if (negative) value -= 0x40;
  for (let i = start + 1; i < end; i++) value = value * 256 + (bytes[i] as number);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Adds up the bytes of a block four at a time, in two pairs of 16-bit lanes that 512 bytes cannot overflow. */
function sumOf(view: DataView, start: number): number {
  let even = 0;
  let odd = 0;
  for (let i = start, end = start + BLOCK_SIZE; i < end; i += 4) {
    const word = view.getInt32(i, true);
    even = (even + (word & 0x00ff00ff)) | 0;
    odd = (odd + ((word >>> 8) & 0x00ff00ff)) | 0;
  }
  return (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
}

function checksumFieldSum(bytes: Buffer, start: number): number {
  const from = start + USTAR.checksum.at;
  let sum = 0;
  for (let i = from; i < from + USTAR.checksum.length; i++) sum += bytes[i] as number;
  return sum;
}

function highBytesOutsideChecksum(bytes: Buffer, start: number): number {
  const from = start + USTAR.checksum.at;
  let count = 0;
  for (let i = start; i < start + BLOCK_SIZE; i++) {
    if ((bytes[i] as number) >= 0x80 && (i < from || i >= from + USTAR.checksum.length)) count++;
  }
  return count;
}

function holds(bytes: Buffer, start: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}
