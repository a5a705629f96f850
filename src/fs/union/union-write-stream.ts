import { finished, Writable } from "node:stream";
import { assertInteger } from "../argument-error.ts";
import { assertEncoding, optionsOf } from "../name-encoding.ts";
import type { OpenFlags } from "../open-flags.ts";

/** As of `fs.createWriteStream`. */
export interface WriteStreamOptions {
  readonly flags?: OpenFlags;
  readonly encoding?: BufferEncoding | null | undefined;
  readonly mode?: number | undefined;
  /** Close the file at the end and on errors. Default true. */
  readonly autoClose?: boolean | undefined;
  readonly emitClose?: boolean | undefined;
  /** First byte to write. Default: where the handle stands; for a file that is opened by the stream its beginning, or end. */
  readonly start?: number | undefined;
  readonly highWaterMark?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly flush?: boolean | undefined;
}

/** What the stream needs of an open file. */
export interface WrittenFile {
  /** Writes all of the bytes, at the position or where the handle stands. */
  writeAll(bytes: Uint8Array, position: number | undefined): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What `fs.WriteStream` is: a `Writable` over an open file. It emits `open` (without a descriptor) and `ready`. */
export class UnionWriteStream extends Writable {
  /** As given to `createWriteStream`; undefined for the stream of a handle. */
  readonly path: string | Buffer | undefined;
  bytesWritten = 0;
  /** True until the file is open. */
  pending = true;
  readonly #open: () => Promise<WrittenFile>;
  readonly #autoClose: boolean;
  readonly #flush: boolean;
  #position: number | undefined;
  #file: WrittenFile | undefined;

  constructor(
    path: string | Buffer | undefined,
    { open, options }: { open: () => Promise<WrittenFile>; options?: WriteStreamOptions | BufferEncoding | null },
  ) {
    const { encoding, start, autoClose = true, emitClose = true, ...rest } = optionsOf<WriteStreamOptions>(options);
    super({
      emitClose,
      autoDestroy: autoClose,
      decodeStrings: true,
      ...(rest.highWaterMark !== undefined && { highWaterMark: rest.highWaterMark }),
      ...(rest.signal && { signal: rest.signal }),
    });
    if (encoding !== undefined && encoding !== null) this.setDefaultEncoding(assertEncoding(encoding));
    this.path = path;
    this.#open = open;
    this.#autoClose = autoClose;
    this.#flush = rest.flush === true;
    this.#position = start === undefined ? undefined : assertInteger(start, "start");
  }

  /** Ends the stream, written or not. */
  close(callback?: (error?: Error | null) => void): void {
    if (callback !== undefined) finished(this, callback);
    this.end();
  }

  override _construct(callback: (error?: Error | null) => void): void {
    this.#open().then(
      (file) => {
        this.#file = file;
        this.pending = false;
        callback();
        this.emit("open");
        this.emit("ready");
      },
      (error: Error) => callback(error),
    );
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    this.#write(chunk).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    Promise.resolve(this.#flush ? this.#file?.sync() : undefined).then(() => callback(), callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    Promise.resolve(this.#autoClose ? this.#file?.close() : undefined).then(
      () => callback(error),
      (failure: Error) => callback(error ?? failure),
    );
  }

  async #write(chunk: Buffer): Promise<void> {
    await this.#file?.writeAll(chunk, this.#position);
    if (this.#position !== undefined) this.#position += chunk.length;
    this.bytesWritten += chunk.length;
  }
}
