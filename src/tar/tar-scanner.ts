import type { TarEntry } from "./entry.ts";
import { TarParser, type TarReadOptions } from "./tar-parser.ts";

/** How {@link TarScanner} reads. */
export interface TarScannerOptions extends TarReadOptions {
  /**
   * Gets the stored data of each entry in order (for a sparse file: its runs, one after another).
   * The chunk is a view of what was pushed, good until this call returns. With this, `onPlain` gets nothing.
   */
  readonly onData?: ((chunk: Uint8Array, entry: TarEntry) => void) | undefined;
}

/**
 * Parses an archive that arrives in chunks of any size. Synchronous: callbacks run inside {@link push}, and what they
 * throw comes out of it. Holds no more than one extension header.
 */
export class TarScanner {
  readonly #parser: TarParser;
  readonly #onData: TarScannerOptions["onData"];
  #entry: TarEntry | undefined;
  /** Archive offset of the next byte to come. */
  #offset = 0;
  /** The beginning of what the parser wants, while the rest has not come. */
  #held: Buffer | undefined;
  #heldLength = 0;

  /** @param onEntry gets every entry in archive order, before its data */
  constructor(onEntry: (entry: TarEntry) => void, options: TarScannerOptions = {}) {
    this.#onData = options.onData;
    const { onData, onPlain } = options;
    this.#parser = new TarParser(
      (entry) => {
        this.#entry = entry;
        onEntry(entry);
      },
      { ...options, onPlain: onData === undefined ? onPlain : undefined },
    );
  }

  /** Whether the end-of-archive marker was met. What is pushed after it is ignored. */
  get ended(): boolean {
    return this.#parser.ended;
  }

  /**
   * Takes the next bytes of the archive, which stay the caller's.
   *
   * @throws StrataError of kind `malformed` or `hostile` with the offset; the scanner is unusable then.
   */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length && !this.#parser.ended) {
      const used = this.#passData(bytes, at) || this.#feedParser(bytes, at);
      at += used;
      this.#offset += used;
    }
  }

  /**
   * Tells that no more bytes come.
   *
   * @throws `tar-truncated` when the archive is incomplete.
   */
  end(): void {
    this.#parser.finish(this.#offset);
  }

  /** Steps over data and padding that the parser does not want; returns the bytes used. */
  #passData(bytes: Buffer, at: number): number {
    const gap = Math.min(this.#parser.position - this.#offset, bytes.length - at);
    if (gap <= 0) return 0;
    const entry = this.#entry;
    if (entry !== undefined && this.#onData !== undefined) {
      const left = entry.dataOffset + entry.storedSize - this.#offset;
      if (left > 0) this.#onData(bytes.subarray(at, at + Math.min(gap, left)), entry);
    }
    return gap;
  }

  /** Gives the parser what it wants, or keeps what there is of it; returns the bytes used. */
  #feedParser(bytes: Buffer, at: number): number {
    const { want } = this.#parser;
    if (this.#held === undefined && bytes.length - at >= want) {
      this.#parser.accept(bytes, at);
      return want;
    }
    this.#held ??= Buffer.allocUnsafe(want);
    const used = bytes.copy(this.#held, this.#heldLength, at);
    this.#heldLength += used;
    if (this.#heldLength === want) {
      const block = this.#held;
      this.#held = undefined;
      this.#heldLength = 0;
      this.#parser.accept(block, 0);
    }
    return used;
  }
}
