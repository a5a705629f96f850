import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { errnoError } from "./errno-error.ts";
import { type ChunkRange, ImageReadStream, type ReadStreamOptions } from "./image-read-stream.ts";
import { decoderFor, optionsOf } from "./name-encoding.ts";
import { positionOf, type ReadOptions, windowOf, wishOf } from "./read-arguments.ts";

/** As of `fs.readFile`. */
export interface ReadFileOptions {
  readonly encoding?: BufferEncoding | null | undefined;
  readonly flag?: string | number | undefined;
  readonly signal?: AbortSignal | undefined;
}

type ReadResult<T> = { readonly bytesRead: number; readonly buffer: T };

/** Between two of these `readFile` looks at its signal. */
export const WHOLE_FILE_CHUNK = 8 * 1024 * 1024;

/** The half of `FileHandle` that reads, over the few things that differ by what is open: how bytes are had, and what is let go of. */
export abstract class ReadingHandle implements AsyncDisposable {
  readonly #busy = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;
  /** Where reads begin that do not say where. */
  protected position = 0;

  /** Fills the bytes; without a position from where the handle stands, which moves on. @returns bytes read */
  protected abstract readAt(bytes: Uint8Array, position: number | undefined): Promise<number>;
  /** All bytes from where the handle stands, which then stands at the end. */
  protected abstract readRest(signal: AbortSignal | undefined): Promise<Buffer>;
  /** Lets go of what is open; nothing is under way any more. */
  protected abstract release(): Promise<void>;
  /** A range of the file in order; `start` and `length` as in a stream. */
  abstract chunks(range: ChunkRange): AsyncGenerator<Buffer>;

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
    this.assertOpen("read");
    const wish = wishOf(target, offset, length, position);
    const bytes = windowOf(wish.buffer, wish);
    return { bytesRead: await this.readAt(bytes, positionOf(wish.position)), buffer: wish.buffer };
  }

  /** Everything from the current position on; the position is at the end after it. */
  readFile(options?: { encoding?: null | undefined; signal?: AbortSignal | undefined } | null): Promise<Buffer>;
  readFile(options: BufferEncoding | { encoding: BufferEncoding; signal?: AbortSignal | undefined }): Promise<string>;
  readFile(options?: ReadFileOptions | BufferEncoding | null): Promise<string | Buffer>;
  async readFile(options?: ReadFileOptions | BufferEncoding | null): Promise<string | Buffer> {
    this.assertOpen("read");
    const { encoding, signal } = optionsOf<ReadFileOptions>(options);
    const decode = decoderFor(encoding);
    return decode(await this.readRest(signal));
  }

  /** A stream that closes this handle at its end, unless `autoClose` is false. */
  createReadStream(options: ReadStreamOptions | BufferEncoding = {}): ImageReadStream {
    this.assertOpen("read");
    return new ImageReadStream(undefined, { open: async () => this, options });
  }

  /** The rest of the file as a web stream. Closing the handle is up to the caller. */
  readableWebStream(): ReadableStream {
    return Readable.toWeb(this.createReadStream({ autoClose: false }));
  }

  /** Waits for what is under way and lets go of the file. May be called again. */
  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#busy).then(() => this.release());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  protected assertOpen(syscall: string): void {
    if (this.#closing !== undefined) throw errnoError("EBADF", { syscall });
  }

  /** Has {@link close} wait for the work. */
  protected async whileOpen<T>(work: () => Promise<T>): Promise<T> {
    const working = work();
    this.#busy.add(working);
    try {
      return await working;
    } finally {
      this.#busy.delete(working);
    }
  }

  /** The pieces of somebody else's stream. @param moves the handle with each */
  protected async *passOn(stream: AsyncIterable<Uint8Array>, moves: boolean): AsyncGenerator<Buffer> {
    for await (const chunk of stream) {
      if (moves) this.position += chunk.length;
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    }
  }

  /** The bytes from `first` to before `end`, read one piece after the other. @param moves the handle with each */
  protected async *readPieces(
    { first, end, chunkSize }: { readonly first: number; readonly end: number; readonly chunkSize: number },
    moves: boolean,
  ): AsyncGenerator<Buffer> {
    for (let at = first; at < end; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, end - at));
      const count = await this.readAt(buffer, moves ? undefined : at);
      if (count === 0) return;
      at += count;
      yield buffer.subarray(0, count);
    }
  }
}
