import { finished, Readable } from "node:stream";
import { assertInteger, outOfRange } from "./argument-error.ts";
import { assertEncoding, optionsOf } from "./name-encoding.ts";
import type { OpenFlags } from "./open-flags.ts";

/** As of `fs.createReadStream`. */
export interface ReadStreamOptions {
  readonly encoding?: BufferEncoding | null | undefined;
  /** First byte. Default: where the handle stands; 0 for a file that is opened by the stream. */
  readonly start?: number | undefined;
  /** Last byte, itself included; where `start` is missing, counted from where the handle stands. */
  readonly end?: number | undefined;
  /** Size of a chunk, and bytes read ahead of the consumer. Default 64 KiB. */
  readonly highWaterMark?: number | undefined;
  /** Close the file at the end and on errors. Default true. */
  readonly autoClose?: boolean | undefined;
  readonly emitClose?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly flags?: OpenFlags;
}

/** A range of an open file and the size of its pieces, which may come out smaller or larger where that is cheaper. */
export interface ChunkRange {
  readonly start?: number | undefined;
  readonly length?: number | undefined;
  readonly chunkSize: number;
}

/** What the stream needs of an open file. */
export interface ChunkedFile {
  chunks(range: ChunkRange): AsyncGenerator<Buffer>;
  close(): Promise<void>;
}

const DEFAULT_CHUNK = 64 * 1024;

/**
 * What `fs.ReadStream` is: a `Readable` over a range of a file that reads no further ahead than `highWaterMark`.
 * It emits `open` (without a descriptor) and `ready`. Destroying it early closes the file.
 */
export class ImageReadStream extends Readable {
  /** As given to `createReadStream`; undefined for the stream of a handle. */
  readonly path: string | Buffer | undefined;
  /** Bytes read so far. */
  bytesRead = 0;
  /** True until the file is open. */
  pending = true;
  readonly #open: () => Promise<ChunkedFile>;
  readonly #range: ChunkRange;
  readonly #autoClose: boolean;
  #file: ChunkedFile | undefined;
  #chunks: AsyncGenerator<Buffer> | undefined;

  /** @throws RangeError `ERR_OUT_OF_RANGE` when start and end are no range */
  constructor(
    path: string | Buffer | undefined,
    { open, options }: { open: () => Promise<ChunkedFile>; options?: ReadStreamOptions | BufferEncoding | null },
  ) {
    const { start, end, encoding, ...rest } = optionsOf<ReadStreamOptions>(options);
    assertRange(start, end);
    const { highWaterMark = DEFAULT_CHUNK, autoClose = true, emitClose = true, signal } = rest;
    super({
      highWaterMark,
      emitClose,
      autoDestroy: autoClose,
      ...(encoding !== undefined && encoding !== null && { encoding: assertEncoding(encoding) }),
      ...(signal && { signal }),
    });
    this.path = path;
    this.#open = open;
    this.#autoClose = autoClose;
    const length = end === undefined ? undefined : end - (start ?? 0) + 1;
    this.#range = { start, length, chunkSize: Math.max(1, highWaterMark) };
  }

  /** Ends the stream before its end. */
  close(callback?: (error?: Error | null) => void): void {
    if (callback !== undefined) finished(this, callback);
    this.destroy();
  }

  override _construct(callback: (error?: Error | null) => void): void {
    this.#open().then(
      (file) => {
        this.#file = file;
        this.#chunks = file.chunks(this.#range);
        this.pending = false;
        callback();
        this.emit("open");
        this.emit("ready");
      },
      (error: Error) => callback(error),
    );
  }

  override _read(): void {
    this.#chunks?.next().then(
      (next) => this.#take(next),
      (error: Error) => void this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#release().then(
      () => callback(error),
      (failure: Error) => callback(error ?? failure),
    );
  }

  #take(next: IteratorResult<Buffer>): void {
    if (this.destroyed) return;
    if (next.done !== true) this.bytesRead += next.value.length;
    this.push(next.done === true ? null : next.value);
  }

  async #release(): Promise<void> {
    // A generator answers in turn: this waits for the read that is under way.
    await this.#chunks?.return(undefined);
    if (this.#autoClose) await this.#file?.close();
  }
}

function assertRange(start: number | undefined, end: number | undefined): void {
  if (start !== undefined) assertInteger(start, "start");
  if (end === undefined || end === Number.POSITIVE_INFINITY) return;
  assertInteger(end, "end");
  if (start !== undefined && start > end) throw outOfRange("start", `<= "end" (here: ${end})`, start);
}
