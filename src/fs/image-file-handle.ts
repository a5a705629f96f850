import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { ByteSource } from "../base/index.ts";
import type { MergedNode } from "../union/index.ts";
import { assertNotCancelled } from "./argument-error.ts";
import { errnoError } from "./errno-error.ts";
import { type ChunkRange, ImageReadStream, type ReadStreamOptions } from "./image-read-stream.ts";
import { ImageBigIntStats, ImageStats } from "./image-stats.ts";
import { decoderFor, optionsOf } from "./name-encoding.ts";
import { assertWhole } from "./open-content.ts";
import { positionOf, type ReadOptions, windowOf, wishOf } from "./read-arguments.ts";
import { refuseHandleWrite } from "./refused-writes.ts";

/** As of `fs.readFile`. */
export interface ReadFileOptions {
  readonly encoding?: BufferEncoding | null | undefined;
  readonly flag?: string | number | undefined;
  readonly signal?: AbortSignal | undefined;
}

type ReadResult<T> = { readonly bytesRead: number; readonly buffer: T };

/** Between two of these `readFile` looks at its signal. */
const WHOLE_FILE_CHUNK = 8 * 1024 * 1024;

/**
 * An open file or directory of an image, shaped like `FileHandle` of `node:fs/promises`. It has no descriptor number.
 * Any number of reads may be under way at once; whoever opened it closes it. Everything that writes fails with EROFS.
 */
export class ImageFileHandle implements AsyncDisposable {
  readonly #node: MergedNode;
  readonly #source: ByteSource | undefined;
  readonly #reading = new Set<Promise<unknown>>();
  #position = 0;
  #closing: Promise<void> | undefined;

  /** Takes over the source; undefined for a directory. */
  constructor(node: MergedNode, source: ByteSource | undefined) {
    this.#node = node;
    this.#source = source;
  }

  /** `FileHandle.read` in all its forms. Resolves to fewer bytes than asked only at the end of the file. */
  read<T extends NodeJS.ArrayBufferView>(
    buffer: T,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<ReadResult<T>>;
  read<T extends NodeJS.ArrayBufferView>(buffer: T, options?: Omit<ReadOptions, "buffer">): Promise<ReadResult<T>>;
  read<T extends NodeJS.ArrayBufferView = Buffer>(options?: ReadOptions<T>): Promise<ReadResult<T>>;
  async read(
    target?: NodeJS.ArrayBufferView | ReadOptions,
    offset?: number | Omit<ReadOptions, "buffer"> | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<ReadResult<NodeJS.ArrayBufferView>> {
    this.#assertOpen("read");
    const wish = wishOf(target, offset, length, position);
    const { buffer } = wish;
    const bytes = windowOf(buffer, wish);
    return { bytesRead: bytes.length === 0 ? 0 : await this.#readAt(bytes, positionOf(wish.position)), buffer };
  }

  /** Fills several buffers one after the other. */
  async readv<T extends readonly NodeJS.ArrayBufferView[]>(
    buffers: T,
    position?: number | null,
  ): Promise<{ readonly bytesRead: number; readonly buffers: T }> {
    this.#assertOpen("readv");
    const total = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
    const bytes = Buffer.allocUnsafe(total);
    const bytesRead = await this.#readAt(bytes, positionOf(position));
    let from = 0;
    for (const buffer of buffers) {
      bytes.copy(windowOf(buffer, {}), 0, from, Math.min(bytesRead, from + buffer.byteLength));
      from += buffer.byteLength;
    }
    return { bytesRead, buffers };
  }

  /** Everything from the current position on; the position is at the end after it. */
  readFile(options?: { encoding?: null | undefined; signal?: AbortSignal | undefined } | null): Promise<Buffer>;
  readFile(options: BufferEncoding | { encoding: BufferEncoding; signal?: AbortSignal | undefined }): Promise<string>;
  readFile(options?: ReadFileOptions | BufferEncoding | null): Promise<string | Buffer>;
  async readFile(options?: ReadFileOptions | BufferEncoding | null): Promise<string | Buffer> {
    this.#assertOpen("read");
    const { encoding, signal } = optionsOf<ReadFileOptions>(options);
    const decode = decoderFor(encoding);
    assertWhole(this.#node);
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, this.#node.size - this.#position));
    let length = 0;
    assertNotCancelled(signal);
    for await (const chunk of this.chunks({ chunkSize: WHOLE_FILE_CHUNK })) {
      assertNotCancelled(signal);
      length += chunk.copy(bytes, length);
    }
    return decode(bytes.subarray(0, length));
  }

  /**
   * `length` bytes (default: all) from `start` (default: the current position, which then moves on), in order.
   *
   * A compressed layer can be inflated once up to where these bytes end, while reading it at random makes it be spooled
   * whole: hence the two ways.
   */
  async *chunks({ start, length = this.#node.size, chunkSize }: ChunkRange): AsyncGenerator<Buffer> {
    const source = this.#sourceOrThrow();
    const first = start ?? this.#position;
    const end = Math.min(source.size, first + length);
    if (source.readSync === undefined) {
      for await (const chunk of source.stream({ start: first, end })) {
        if (start === undefined) this.#position += chunk.length;
        yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      }
      return;
    }
    for (let at = first; at < end; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, end - at));
      const count = await this.#readAt(buffer, start === undefined ? undefined : at);
      if (count === 0) return;
      at += count;
      yield buffer.subarray(0, count);
    }
  }

  stat(options?: { readonly bigint?: false | undefined }): Promise<ImageStats>;
  stat(options: { readonly bigint: true }): Promise<ImageBigIntStats>;
  async stat(options: { readonly bigint?: boolean | undefined } = {}): Promise<ImageStats | ImageBigIntStats> {
    this.#assertOpen("fstat");
    return options.bigint === true ? new ImageBigIntStats(this.#node) : new ImageStats(this.#node);
  }

  /** A stream that closes this handle at its end, unless `autoClose` is false. */
  createReadStream(options: ReadStreamOptions | BufferEncoding = {}): ImageReadStream {
    this.#assertOpen("read");
    return new ImageReadStream(undefined, { open: async () => this, options });
  }

  /** The rest of the file as a web stream. Closing the handle is up to the caller. */
  readableWebStream(): ReadableStream {
    return Readable.toWeb(this.createReadStream({ autoClose: false }));
  }

  /** Waits for the reads under way and lets go of the bytes. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#release();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Nothing to do: nothing is ever written. */
  async sync(): Promise<void> {
    this.#assertOpen("fsync");
  }

  /** Nothing to do: nothing is ever written. */
  async datasync(): Promise<void> {
    this.#assertOpen("fdatasync");
  }

  readonly appendFile = refuseHandleWrite("write");
  readonly chmod = refuseHandleWrite("fchmod");
  readonly chown = refuseHandleWrite("fchown");
  readonly truncate = refuseHandleWrite("ftruncate");
  readonly utimes = refuseHandleWrite("futime");
  readonly write = refuseHandleWrite("write");
  readonly writeFile = refuseHandleWrite("write");
  readonly writev = refuseHandleWrite("write");

  #assertOpen(syscall: string): void {
    if (this.#closing !== undefined) throw errnoError("EBADF", { syscall });
  }

  #sourceOrThrow(): ByteSource {
    this.#assertOpen("read");
    if (this.#source !== undefined) return this.#source;
    throw errnoError("EISDIR", { syscall: "read" });
  }

  async #readAt(bytes: Uint8Array, position: number | undefined): Promise<number> {
    const source = this.#sourceOrThrow();
    const at = position ?? this.#position;
    // Moved before the read ends, so that reads under way at once take one part each.
    if (position === undefined) this.#position = Math.min(this.#node.size, at + bytes.length);
    if (at >= source.size) return 0;
    const reading = source.read(bytes, at);
    this.#reading.add(reading);
    try {
      return await reading;
    } finally {
      this.#reading.delete(reading);
    }
  }

  async #release(): Promise<void> {
    await Promise.allSettled(this.#reading);
    await this.#source?.[Symbol.asyncDispose]();
  }
}
