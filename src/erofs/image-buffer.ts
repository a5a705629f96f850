import { BLOCK } from "./on-disk.ts";
import { sealSuperblock } from "./superblock.ts";

/** Bytes that are handed on at once. */
export const CHUNK_BYTES = 1024 * 1024;

/**
 * The image while it is written, from its first byte to its last. What is reserved lies in one piece at `at` in `bytes`
 * (and in `words`, which are its 32-bit numbers); what is not written stays zero. Full chunks wait to be taken.
 */
export class ImageBuffer {
  bytes: Buffer;
  words: Uint32Array<ArrayBuffer>;
  /** First byte that is not used yet; a multiple of 4. */
  at = 0;
  /** Position of `bytes[0]` in the image. */
  #base = 0;
  #full: Uint8Array[] = [];

  constructor() {
    const chunk = new ArrayBuffer(CHUNK_BYTES);
    this.bytes = Buffer.from(chunk);
    this.words = new Uint32Array(chunk);
  }

  /** Position in the image of the next byte. */
  get position(): number {
    return this.#base + this.at;
  }

  /** Whether chunks wait to be taken. */
  get isFull(): boolean {
    return this.#full.length > 0;
  }

  /** Makes sure that so many bytes (at most {@link CHUNK_BYTES}) follow in one piece. */
  reserve(length: number): void {
    if (this.at + length > CHUNK_BYTES) this.#turn();
  }

  /** Leaves zeros up to a position, which is not before the present one. */
  skipTo(position: number): void {
    for (let left = position - this.position; left > 0; ) {
      if (this.at === CHUNK_BYTES) this.#turn();
      const step = Math.min(left, CHUNK_BYTES - this.at);
      this.at += step;
      left -= step;
    }
  }

  /** Copies bytes of any length to the present position. */
  append(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      if (this.at === CHUNK_BYTES) this.#turn();
      const part = bytes.subarray(from, from + CHUNK_BYTES - this.at);
      this.bytes.set(part, this.at);
      this.at += part.length;
      from += part.length;
    }
  }

  /** The chunks that are full, in order; they pass to the caller. */
  takeFull(): readonly Uint8Array[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  /** Everything that is left, padded to whole blocks. The buffer is not usable afterwards. */
  finish(): readonly Uint8Array[] {
    this.skipTo(this.position + (-this.position & (BLOCK - 1)));
    if (this.at > 0) this.#turn();
    return this.takeFull();
  }

  #turn(): void {
    if (this.#base === 0) sealSuperblock(this.bytes);
    this.#full.push(this.bytes.subarray(0, this.at));
    this.#base += this.at;
    this.at = 0;
    const chunk = new ArrayBuffer(CHUNK_BYTES);
    this.bytes = Buffer.from(chunk);
    this.words = new Uint32Array(chunk);
  }
}
