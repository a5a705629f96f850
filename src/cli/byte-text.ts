import type { ByteString } from "../base/index.ts";

const ZERO = 0x30;
/** What stands for itself in a string of JSON: printable ASCII but for the quote and the backslash. */
export const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
/** The same for single bytes. */
const IS_PLAIN = Uint8Array.from({ length: 256 }, (_, byte) => Number(PLAIN.test(String.fromCharCode(byte))));

/**
 * Text as bytes, put together piece by piece in one buffer that grows. Made for listings of millions of lines: nothing is left
 * for the collector, where joined strings leave a tree for each line. Whole pieces are moved by the engine: a loop over their bytes
 * would be interpreted for the first thousands of lines.
 */
export class ByteText {
  #length = 0;
  #bytes: Buffer;
  /** So many bytes are known to be plain. */
  #plain = 0;

  /** @param capacity bytes to have room for from the beginning */
  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  /** How many bytes there are. */
  get length(): number {
    return this.#length;
  }

  /** Takes back what was written last, down to a length. */
  truncate(length: number): void {
    this.#length = length;
    if (this.#plain > length) this.#plain = length;
  }

  /** Adds all of `source`. */
  copy(source: Uint8Array): void {
    const at = this.#reserve(source.length);
    this.#bytes.set(source, at);
  }

  /** Adds `source[start .. end)`, best a few bytes. */
  copyPart(source: Uint8Array, start: number, end: number): void {
    let at = this.#reserve(end - start);
    const bytes = this.#bytes;
    for (let i = start; i < end; i++) bytes[at++] = source[i] as number;
  }

  /** Adds all bytes of another text. */
  append(text: ByteText): void {
    this.copy(text.view());
  }

  /** Adds a string of bytes. */
  write(text: ByteString): void {
    const at = this.#reserve(text.length);
    this.#bytes.write(text, at, "latin1");
  }

  /** Adds a whole number of at least 0 in decimal digits. */
  decimal(value: number): void {
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits++;
    let at = this.#reserve(digits) + digits;
    const bytes = this.#bytes;
    for (let rest = value; digits > 0; digits--) {
      const tens = Math.floor(rest / 10);
      bytes[--at] = ZERO + (rest - 10 * tens);
      rest = tens;
    }
  }

  /** Whether a string of JSON needs no escapes to say all of this. */
  get isPlain(): boolean {
    const bytes = this.#bytes;
    const end = this.#length;
    let at = this.#plain;
    while (at < end && IS_PLAIN[bytes[at] as number] === 1) at++;
    this.#plain = at;
    return at === end;
  }

  toString(): ByteString {
    return this.#bytes.toString("latin1", 0, this.#length);
  }

  /** All bytes as they are now, without copying; good until something else is written. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes room for more bytes and returns where they begin. */
  #reserve(count: number): number {
    const at = this.#length;
    const end = at + count;
    if (end > this.#bytes.length) this.#grow(end);
    this.#length = end;
    return at;
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafe(2 * needed);
    larger.set(this.view());
    this.#bytes = larger;
  }
}
