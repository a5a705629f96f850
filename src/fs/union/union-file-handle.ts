import { assertInteger, assertNotCancelled, withCode } from "../argument-error.ts";
import { constants } from "../constants.ts";
import { errnoError } from "../errno-error.ts";
import type { FileBigIntStats, FileFacts, FileStats } from "../file-stats.ts";
import type { HandleLike, ReadHandleLike } from "../fs-like.ts";
import type { ChunkRange } from "../image-read-stream.ts";
import { optionsOf } from "../name-encoding.ts";
import { positionOf, windowOf } from "../read-arguments.ts";
import { ReadingHandle, WHOLE_FILE_CHUNK } from "../reading-handle.ts";
import type { TimeArgument } from "../time-argument.ts";
import { statsOf } from "./union-core.ts";
import { UnionWriteStream, type WriteStreamOptions } from "./union-write-stream.ts";
import { bytesOf, bytesOfData, partOf, type WriteData, type WriteOptions } from "./write-data.ts";

/** What an open file of a union needs of it. */
export interface OpenedFile {
  /** Undefined for a directory. */
  readonly handle: ReadHandleLike | HandleLike | undefined;
  /** Of open(2). */
  readonly flags: number;
  /** The facts of the file as they are now. */
  facts(): Promise<FileFacts>;
  chmod(mode: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  utimes(atime: TimeArgument, mtime: TimeArgument): Promise<void>;
  /** Has one who writes at the end of a file do so while nobody else does. */
  append(write: () => Promise<void>): Promise<void>;
  /** Called after each change of the content. */
  changed(): Promise<void>;
}

/** As of `FileHandle.writeFile`. */
export interface WriteFileOptions {
  readonly encoding?: BufferEncoding | null | undefined;
  readonly mode?: number | undefined;
  readonly flag?: string | number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly flush?: boolean | undefined;
}

type Written<T> = { readonly bytesWritten: number; readonly buffer: T };

const MAX_WHOLE_FILE = 2 ** 31 - 1;

/**
 * An open file or directory of a union, shaped like `FileHandle` of `node:fs/promises`; whoever opened it closes it. It has
 * no descriptor number. It lives on when its name is gone. One that was opened for reading while its file lay in a lower
 * goes on reading that when the file is copied up, as in the kernel before 4.19.
 */
export class UnionFileHandle extends ReadingHandle {
  readonly #file: OpenedFile;

  constructor(file: OpenedFile) {
    super();
    this.#file = file;
  }

  /** Fills several buffers one after the other. */
  async readv<T extends readonly NodeJS.ArrayBufferView[]>(
    buffers: T,
    position?: number | null,
  ): Promise<{ readonly bytesRead: number; readonly buffers: T }> {
    this.assertOpen("read");
    let bytesRead = 0;
    const start = positionOf(position);
    for (const buffer of buffers) {
      const bytes = windowOf(buffer, {});
      const count = await this.readAt(bytes, start === undefined ? undefined : start + bytesRead);
      bytesRead += count;
      if (count < bytes.length) break;
    }
    return { bytesRead, buffers };
  }

  /** `FileHandle.write` in all its forms. */
  write<T extends NodeJS.ArrayBufferView>(
    buffer: T,
    offset?: number | WriteOptions | null,
    length?: number | null,
    position?: number | null,
  ): Promise<Written<T>>;
  write(data: string, position?: number | null, encoding?: BufferEncoding | null): Promise<Written<string>>;
  async write(
    data: string | NodeJS.ArrayBufferView,
    offset?: number | WriteOptions | null,
    length?: number | BufferEncoding | null,
    position?: number | null,
  ): Promise<Written<string | NodeJS.ArrayBufferView>> {
    this.assertOpen("write");
    const part = partOf(data, offset, length, position);
    await this.writeAll(part.bytes, positionOf(part.position));
    return { bytesWritten: part.bytes.length, buffer: data };
  }

  /** Writes several buffers one after the other. */
  async writev<T extends readonly NodeJS.ArrayBufferView[]>(
    buffers: T,
    position?: number | null,
  ): Promise<{ readonly bytesWritten: number; readonly buffers: T }> {
    let bytesWritten = 0;
    const start = positionOf(position);
    for (const buffer of buffers) {
      const bytes = bytesOf(buffer);
      await this.writeAll(bytes, start === undefined ? undefined : start + bytesWritten);
      bytesWritten += bytes.length;
    }
    return { bytesWritten, buffers };
  }

  /** Writes all of the bytes; at a position, or where the handle stands, which then moves on. */
  async writeAll(bytes: Uint8Array, position?: number): Promise<void> {
    this.assertOpen("write");
    await this.whileOpen(() => this.#write(bytes, position));
  }

  async #write(bytes: Uint8Array, position?: number): Promise<void> {
    const handle = this.#writable("write");
    if ((this.#file.flags & constants.O_APPEND) === 0) return this.#writeAt(bytes, position);
    await this.#file.append(async () => {
      this.position = Number((await handle.stat({ bigint: true })).size);
      await this.#writeAt(bytes);
    });
  }

  async #writeAt(bytes: Uint8Array, position?: number): Promise<void> {
    const handle = this.#writable("write");
    let at = position ?? this.position;
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at);
      done += bytesWritten;
      at += bytesWritten;
    }
    if (position === undefined) this.position = at;
    await this.#file.changed();
  }

  /** Writes from the current position on. */
  async writeFile(data: WriteData, options?: WriteFileOptions | BufferEncoding | null): Promise<void> {
    this.assertOpen("write");
    this.#writable("write");
    await this.whileOpen(async () => {
      for await (const bytes of bytesOfData(data, optionsOf<WriteFileOptions>(options))) await this.#write(bytes);
    });
  }

  /** The same as {@link writeFile}, as in Node. */
  appendFile(data: WriteData, options?: WriteFileOptions | BufferEncoding | null): Promise<void> {
    return this.writeFile(data, options);
  }

  /** A range of the file in order; `start` and `length` as in a stream. */
  chunks(range: ChunkRange): AsyncGenerator<Buffer> {
    this.assertOpen("read");
    return this.#chunks(range);
  }

  async *#chunks({ start, length = Number.MAX_SAFE_INTEGER, chunkSize }: ChunkRange): AsyncGenerator<Buffer> {
    const handle = this.#readable("read");
    const first = start ?? this.position;
    const size = Number((await handle.stat({ bigint: true })).size);
    const end = Math.min(size, first + length);
    if (handle.chunks === undefined || first >= end)
      yield* this.readPieces({ first, end, chunkSize }, start === undefined);
    else yield* this.passOn(handle.chunks({ start: first, length: end - first, chunkSize }), start === undefined);
  }

  stat(options?: { readonly bigint?: false | undefined }): Promise<FileStats>;
  stat(options: { readonly bigint: true }): Promise<FileBigIntStats>;
  async stat(options: { readonly bigint?: boolean | undefined } = {}): Promise<FileStats | FileBigIntStats> {
    this.assertOpen("fstat");
    return statsOf(await this.#file.facts(), options.bigint);
  }

  /** Cuts the file or lengthens it with zeros. Default length 0. */
  async truncate(length?: number | null): Promise<void> {
    this.assertOpen("ftruncate");
    const handle = this.#writable("ftruncate");
    await handle.truncate(Math.max(0, assertInteger(length ?? 0, "len", Number.MIN_SAFE_INTEGER)));
    await this.#file.changed();
  }

  async chmod(mode: number): Promise<void> {
    this.assertOpen("fchmod");
    await this.#file.chmod(mode);
  }

  async chown(uid: number, gid: number): Promise<void> {
    this.assertOpen("fchown");
    await this.#file.chown(uid, gid);
  }

  async utimes(atime: TimeArgument, mtime: TimeArgument): Promise<void> {
    this.assertOpen("futime");
    await this.#file.utimes(atime, mtime);
  }

  async sync(): Promise<void> {
    this.assertOpen("fsync");
    const { handle } = this.#file;
    if (handle !== undefined && "sync" in handle) await handle.sync?.();
  }

  async datasync(): Promise<void> {
    this.assertOpen("fdatasync");
    const { handle } = this.#file;
    if (handle !== undefined && "datasync" in handle) await handle.datasync?.();
  }

  /** A stream that closes this handle at its end, unless `autoClose` is false. */
  createWriteStream(options: WriteStreamOptions | BufferEncoding = {}): UnionWriteStream {
    this.assertOpen("write");
    return new UnionWriteStream(undefined, { open: async () => this, options });
  }

  #readable(syscall: string): ReadHandleLike {
    const { handle, flags } = this.#file;
    if ((flags & constants.O_WRONLY) !== 0) throw errnoError("EBADF", { syscall });
    if (handle === undefined) throw errnoError("EISDIR", { syscall });
    return handle;
  }

  #writable(syscall: string): HandleLike {
    const { handle, flags } = this.#file;
    const isWritable = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
    if (isWritable && handle !== undefined) return handle as HandleLike;
    throw errnoError(syscall === "write" ? "EBADF" : "EINVAL", { syscall });
  }

  protected async readAt(bytes: Uint8Array, position: number | undefined): Promise<number> {
    const handle = this.#readable("read");
    if (bytes.length === 0) return 0;
    return await this.whileOpen(async () => {
      const at = position ?? this.position;
      // Moved before the read ends, so that reads under way at once take one part each.
      if (position === undefined) this.position = at + bytes.length;
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, at);
      if (position === undefined) this.position -= bytes.length - bytesRead;
      return bytesRead;
    });
  }

  protected async readRest(signal: AbortSignal | undefined): Promise<Buffer> {
    return await this.whileOpen(async () => {
      const { size } = await this.#readable("read").stat({ bigint: true });
      if (Number(size) > MAX_WHOLE_FILE) {
        throw withCode(new RangeError(`File size (${size}) is greater than 2 GiB`), "ERR_FS_FILE_TOO_LARGE");
      }
      const chunks: Buffer[] = [];
      assertNotCancelled(signal);
      for await (const chunk of this.#chunks({ chunkSize: WHOLE_FILE_CHUNK })) {
        assertNotCancelled(signal);
        chunks.push(chunk);
      }
      return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    });
  }

  protected async release(): Promise<void> {
    await this.#file.handle?.close();
  }
}
