import type { ByteString } from "../base/index.ts";
import { BLOCK_SIZE, type Field, USTAR } from "./header-block.ts";

const ZERO = 0x30;
const SPACE = 0x20;
/** `ustar`, a NUL, and the version `00`. */
const MAGIC = Buffer.from("ustar\u000000", "latin1");

// Byte by byte throughout: to hand a few bytes to a library function costs more, and there are ten fields to each of many headers.

/** Writes text at the beginning of a field, cut off where it ends. @returns whether all of it is there, in ASCII without a NUL */
export function putText(block: Buffer, { at, length }: Field, text: ByteString): boolean {
  let isPlain = text.length <= length;
  const end = isPlain ? text.length : length;
  for (let i = 0; i < end; i++) {
    const byte = text.charCodeAt(i);
    isPlain &&= byte > 0 && byte < 0x80;
    block[at + i] = byte;
  }
  return isPlain;
}

/** Writes a number that {@link fits} in octal digits that fill the field but for the NUL at its end. */
export function putOctal(block: Buffer, { at, length }: Field, value: number): void {
  // In words that hold ten digits: integers of 32 bits are counted quickly.
  let high = Math.floor(value / TEN_DIGITS);
  let low = value - high * TEN_DIGITS;
  for (let i = at + length - 2; i >= at; i--) {
    block[i] = ZERO + (low & 7);
    low = (low >>> 3) | ((high & 7) << 27);
    high >>>= 3;
  }
}

const TEN_DIGITS = 8 ** 10;

/** Whether a number can be written in octal digits. */
export function fits({ length }: Field, value: number): boolean {
  return value >= 0 && value < (length === USTAR.size.length ? LIMIT_OF_LONG : LIMIT_OF_SHORT);
}

const LIMIT_OF_LONG = 8 ** (USTAR.size.length - 1);
const LIMIT_OF_SHORT = 8 ** (USTAR.uid.length - 1);

/** Completes a header block at the beginning of `block`: type, magic and checksum. */
export function sealHeader(block: Buffer, typeflag: string): void {
  block[USTAR.typeflag.at] = typeflag.charCodeAt(0);
  for (let i = 0; i < MAGIC.length; i++) block[USTAR.magic.at + i] = MAGIC[i] as number;
  const { at, length } = USTAR.checksum;
  for (let i = at; i < at + length; i++) block[i] = SPACE;
  let sum = 0;
  // What no prefix stands in is zeros to the end.
  const end = block[USTAR.prefix.at] === 0 ? USTAR.prefix.at : BLOCK_SIZE;
  for (let i = 0; i < end; i++) sum += block[i] as number;
  // Six digits, a NUL, and the space that is there.
  putOctal(block, { at, length: length - 1 }, sum);
  block[at + length - 2] = 0;
}
