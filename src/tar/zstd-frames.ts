import { StrataError } from "../base/index.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What decoders accept unasked: 128 MiB, the bound of the zstd command line. */
const MAX_WINDOW = 2 ** 27;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const MAX_HEADER = 14;

/** What comes next: a field of a few bytes to collect, or a stretch to pass on or drop. */
type Part = "magic" | "skippable-size" | "header" | "block-header" | "block" | "checksum" | "skippable";

/**
 * Walks the structure of a zstd stream (RFC 8878, section 3.1) without decoding it: drops skippable frames, cuts the
 * rest so that no piece crosses the end of a frame, and knows whether the stream may end. Decoders differ in all three.
 */
export class ZstdFrames {
  #expect: Part = "magic";
  #left = 4;
  readonly #field = new Uint8Array(MAX_HEADER);
  #fieldLength = 0;
  #lastBlock = false;
  #hasChecksum = false;
  #frames = 0;

  /** Whether at least one frame came and the last is complete. */
  get complete(): boolean {
    return this.#frames > 0 && this.#expect === "magic" && this.#fieldLength === 0;
  }

  /**
   * Splits the next chunk of the stream. The pieces are views of the chunk, or small copies of what was held back.
   *
   * @returns the pieces, or what is wrong.
   */
  cut(chunk: Uint8Array): Uint8Array[] | { readonly fault: string } {
    const pieces: Uint8Array[] = [];
    let at = 0;
    let pieceStart = 0;
    const endPiece = (): void => {
      if (at > pieceStart) pieces.push(chunk.subarray(pieceStart, at));
      pieceStart = at;
    };
    while (at < chunk.length || (this.#left === 0 && this.#expect !== "magic")) {
      const part = this.#expect;
      if (part === "magic") endPiece();
      const used = Math.min(this.#left, chunk.length - at);
      if (isField(part)) this.#collect(chunk.subarray(at, at + used));
      at += used;
      this.#left -= used;
      if (isHeldBack(part)) pieceStart = at;
      if (this.#left > 0) break;
      const fault = this.#advance();
      if (fault !== undefined) return { fault };
      if (part !== "magic" || this.#expect !== "header") continue;
      // The magic was held back until the frame was told from a skippable one.
      if (used === 4) pieceStart = at - 4;
      else pieces.push(this.#field.slice(0, 4));
    }
    endPiece();
    return pieces;
  }

  #collect(bytes: Uint8Array): void {
    this.#field.set(bytes, this.#fieldLength);
    this.#fieldLength += bytes.length;
  }

  /** Takes what was expected as complete and decides what comes next; returns what is wrong with it, if anything. */
  #advance(): string | undefined {
    const view = new DataView(this.#field.buffer);
    switch (this.#expect) {
      case "magic": {
        const magic = view.getUint32(0, true);
        if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) return this.#next("skippable-size", 4);
        if (magic !== MAGIC) return "unknown frame magic";
        return this.#next("header", 1);
      }
      case "skippable-size":
        this.#frames++;
        return this.#next("skippable", view.getUint32(0, true));
      case "header":
        return this.#advanceHeader(view);
      case "block-header":
        return this.#advanceBlock(view.getUint8(0) | (view.getUint8(1) << 8) | (view.getUint8(2) << 16));
      case "block":
        if (!this.#lastBlock) return this.#next("block-header", 3);
        if (this.#hasChecksum) return this.#next("checksum", 4);
        this.#frames++;
        return this.#next("magic", 4);
      case "checksum":
        this.#frames++;
        return this.#next("magic", 4);
      case "skippable":
        return this.#next("magic", 4);
    }
  }

  #advanceHeader(view: DataView): string | undefined {
    const descriptor = view.getUint8(0);
    const single = (descriptor & 0x20) !== 0;
    const dictionaryBytes = DICTIONARY_ID_BYTES[descriptor & 3] as number;
    const contentBytes = CONTENT_SIZE_BYTES[descriptor >> 6] || (single ? 1 : 0);
    const length = 1 + (single ? 0 : 1) + dictionaryBytes + contentBytes;
    if (this.#fieldLength < length) {
      this.#left = length - this.#fieldLength;
      return undefined;
    }
    if ((descriptor & 8) !== 0) return "reserved bit in a frame header";
    for (let i = 0; i < dictionaryBytes; i++) {
      if (view.getUint8(length - contentBytes - dictionaryBytes + i) !== 0) throw unsupported("a dictionary");
    }
    const window = single ? readContentSize(view, length, contentBytes) : windowOf(view.getUint8(1));
    if (window > MAX_WINDOW) throw unsupported(`a window of ${window} bytes`);
    this.#hasChecksum = (descriptor & 4) !== 0;
    return this.#next("block-header", 3);
  }

  #advanceBlock(header: number): string | undefined {
    this.#lastBlock = (header & 1) !== 0;
    const type = (header >> 1) & 3;
    if (type === 3) return "reserved block type";
    // An RLE block stores one byte, whatever its size.
    return this.#next("block", type === 1 ? 1 : header >> 3);
  }

  #next(expect: Part, left: number): undefined {
    this.#expect = expect;
    this.#left = left;
    this.#fieldLength = 0;
  }
}

function isField(part: Part): boolean {
  return part !== "block" && part !== "checksum" && part !== "skippable";
}

function isHeldBack(part: Part): boolean {
  return part === "magic" || part === "skippable-size" || part === "skippable";
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function readContentSize(view: DataView, end: number, bytes: number): number {
  let size = 0;
  for (let i = end - 1; i >= end - bytes; i--) size = size * 256 + view.getUint8(i);
  return bytes === 2 ? size + 256 : size;
}

function unsupported(what: string): StrataError {
  return new StrataError({
    code: "compression-unsupported",
    kind: "unsupported",
    message: `Cannot decompress zstd stream: it needs ${what}`,
    details: { compression: "zstd" },
  });
}
