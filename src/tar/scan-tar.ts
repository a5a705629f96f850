import { setImmediate as nextTurn } from "node:timers/promises";
import { assertNotAborted, type ByteSource, StrataError } from "../base/index.ts";
import type { TarEntry } from "./entry.ts";
import { BLOCK_SIZE } from "./header-block.ts";
import { TarParser, type TarReadOptions } from "./tar-parser.ts";

/** How an archive of known length is read. */
export interface ScanTarOptions extends TarReadOptions {
  /** Checked from time to time by the asynchronous readers. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the headers of a whole archive and hands out its entries, in order. File data is stepped over, never read.
 *
 * @throws StrataError of kind `malformed` or `hostile` with the offset; also when data lies beyond the source's end.
 */
export async function scanTar(
  source: ByteSource,
  onEntry: (entry: TarEntry) => void,
  options: ScanTarOptions = {},
): Promise<void> {
  const reader = new SeekReader(source, onEntry, options);
  while (!reader.run()) await reader.prepare(options.signal);
}

/** {@link scanTar} without waiting. The source must have `readSync`. */
export function scanTarSync(
  source: ByteSource,
  onEntry: (entry: TarEntry) => void,
  options: TarReadOptions = {},
): void {
  const reader = new SeekReader(source, onEntry, options);
  while (!reader.run(Number.POSITIVE_INFINITY)) reader.prepareSync();
}

/** {@link scanTar} as an iteration. */
export async function* readTar(source: ByteSource, options: ScanTarOptions = {}): AsyncGenerator<TarEntry, void> {
  let batch: TarEntry[] = [];
  const reader = new SeekReader(source, (entry) => batch.push(entry), options);
  for (let done = false; !done; ) {
    done = reader.run();
    yield* batch;
    batch = [];
    if (!done) await reader.prepare(options.signal);
  }
}

/** Bounds of what is read at once: a read of 4 KiB costs half of one of 32 KiB, which in turn may save ten. */
const SMALLEST_WINDOW = 8 * BLOCK_SIZE;
const LARGEST_WINDOW = 128 * BLOCK_SIZE;
/** From so many headers in a window on, the next one is larger, below it is smaller. */
const CLOSE_HEADERS = 4;
/** Headers after which the asynchronous readers let others run. */
const HEADERS_PER_TURN = 20_000;

/**
 * Drives the parser over a source by seeking. Small files are stepped over inside a read-ahead window,
 * which grows while headers lie close together and shrinks while they do not.
 */
class SeekReader {
  readonly #source: ByteSource;
  readonly #parser: TarParser;
  /** Bytes that the source has: what it says until a read falls short. */
  #size: number;
  #buffer = Buffer.allocUnsafe(LARGEST_WINDOW);
  /** The part of the buffer that was read into last: mostly the next read is as long. */
  #part = this.#buffer;
  #start = 0;
  #length = 0;
  #window = SMALLEST_WINDOW;
  #headersInWindow = 0;
  #headersInTurn = 0;

  constructor(source: ByteSource, onEntry: (entry: TarEntry) => void, options: TarReadOptions) {
    this.#source = source;
    this.#size = source.size;
    this.#parser = new TarParser(onEntry, options);
  }

  /** Parses as far as the window reaches and the turn lasts; true when the archive is read. */
  run(headersPerTurn = HEADERS_PER_TURN): boolean {
    const parser = this.#parser;
    while (!parser.ended) {
      const at = parser.position - this.#start;
      if (parser.position + parser.want > this.#size) {
        parser.finish(this.#size);
        return true;
      }
      if (at + parser.want > this.#length || this.#headersInTurn >= headersPerTurn) return false;
      parser.accept(this.#buffer, at);
      this.#headersInWindow++;
      this.#headersInTurn++;
    }
    return true;
  }

  /** Brings the next window, or lets others run when the turn is over. */
  async prepare(signal: AbortSignal | undefined): Promise<void> {
    if (this.#headersInTurn >= HEADERS_PER_TURN) {
      await nextTurn();
      assertNotAborted(signal);
      this.#headersInTurn = 0;
    } else if (this.#source.readSync !== undefined) this.prepareSync();
    else this.#fill(await this.#source.read(this.#nextWindow(), this.#start));
  }

  /** {@link prepare} without waiting. */
  prepareSync(): void {
    if (this.#source.readSync === undefined) {
      throw new StrataError({
        code: "source-not-synchronous",
        kind: "invalid-argument",
        message: "Cannot scan the archive synchronously: its source has no readSync",
      });
    }
    this.#fill(this.#source.readSync(this.#nextWindow(), this.#start));
  }

  #nextWindow(): Buffer {
    const { want, position } = this.#parser;
    this.#window =
      this.#headersInWindow >= CLOSE_HEADERS
        ? Math.min(LARGEST_WINDOW, this.#window * 2)
        : Math.max(SMALLEST_WINDOW, this.#window / 2);
    this.#headersInWindow = 0;
    if (this.#buffer.length < want) this.#buffer = Buffer.allocUnsafe(want);
    this.#start = position;
    const left = this.#size - position;
    const length = Math.min(left, Math.max(want, this.#window));
    if (this.#part.length !== length || this.#part.buffer !== this.#buffer.buffer)
      this.#part = this.#buffer.subarray(0, length);
    return this.#part;
  }

  #fill(count: number): void {
    this.#length = count;
    if (count < this.#parser.want) this.#size = this.#start + count;
  }
}
