/**
 * CRC-64 of ISO 3309, as Go's hash/crc64 computes it and tar-split writes it down: reflected, begun with ones, ended with
 * their complement.
 *
 * Its polynomial is x⁶⁴ + x⁴ + x³ + x + 1. Because the low terms lie so close together, 32 bits can be taken at once with
 * four shifts and no table: what x⁶⁴ stands for never reaches x⁶⁴ again.
 */
export class Crc64 {
  #high = -1;
  #low = -1;

  /** Takes the next bytes. */
  update(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const words = bytes.length & ~3;
    let high = this.#high;
    let low = this.#low;
    for (let i = 0; i < words; i += 4) {
      const word = low ^ view.getInt32(i, true);
      low = high ^ (word << 31) ^ (word << 29) ^ (word << 28);
      high = word ^ (word >>> 1) ^ (word >>> 3) ^ (word >>> 4);
    }
    for (let i = words; i < bytes.length; i++) {
      const byte = (low ^ (bytes[i] as number)) & 0xff;
      low = (low >>> 8) | (high << 24);
      high = (high >>> 8) ^ (byte << 24) ^ (byte << 23) ^ (byte << 21) ^ (byte << 20);
    }
    this.#high = high;
    this.#low = low;
  }

  /** The upper 32 bits for what was taken so far, unsigned. */
  get high(): number {
    return ~this.#high >>> 0;
  }

  /** The lower 32 bits for what was taken so far, unsigned. */
  get low(): number {
    return ~this.#low >>> 0;
  }
}
