import { fileError } from "../../content/index.ts";
import { openPartialFile, type PartialFile } from "../partial-file.ts";
import type { ArchiveSink } from "./archive-sink.ts";

/** Pieces are gathered up to this size: system calls then cost nothing. */
const BATCH_BYTES = 1024 * 1024;

/**
 * A file that is written from front to back and appears complete or not at all ({@link PartialFile}). While one batch is being
 * written the next is gathered.
 *
 * Lifecycle: {@link openArchiveFile} → any number of `append`, `truncate` → `publish` or dispose.
 */
export class ArchiveFile implements ArchiveSink {
  readonly #path: string;
  readonly #file: PartialFile;
  #pieces: Uint8Array[] = [];
  #gathered = 0;
  /** Where the gathered pieces will go. */
  #end = 0;
  #pending: Promise<void> = Promise.resolve();

  /** @param path for messages @param file is the archive's from now on */
  constructor(path: string, file: PartialFile) {
    this.#path = path;
    this.#file = file;
  }

  /** Bytes appended so far. */
  get size(): number {
    return this.#end + this.#gathered;
  }

  /** Appends; the bytes belong to the file from now on. A failed write is told by this call or a later one. */
  async append(bytes: Uint8Array): Promise<void> {
    this.#pieces.push(bytes);
    this.#gathered += bytes.length;
    if (this.#gathered >= BATCH_BYTES) await this.#beginWrite();
  }

  /** Drops what was appended from `size` on. */
  async truncate(size: number): Promise<void> {
    await this.#pending.catch(() => {});
    this.#pending = Promise.resolve();
    if (size >= this.#end) {
      const kept = Buffer.concat(this.#pieces).subarray(0, size - this.#end);
      this.#pieces = [kept];
      this.#gathered = kept.length;
      return;
    }
    this.#pieces = [];
    this.#gathered = 0;
    this.#end = size;
    await this.#file.handle.truncate(size).catch((error: unknown) => {
      throw fileError(error, this.#path, "write");
    });
  }

  /** Makes the file durable and visible. */
  async publish(): Promise<void> {
    await this.#beginWrite();
    await this.#pending;
    await this.#file.publish();
  }

  /** Removes what was not published. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pending.catch(() => {});
    await this.#file[Symbol.asyncDispose]();
  }

  async #beginWrite(): Promise<void> {
    await this.#pending;
    const [pieces, offset] = [this.#pieces, this.#end];
    this.#end += this.#gathered;
    this.#pieces = [];
    this.#gathered = 0;
    this.#pending = this.#write(pieces, offset);
    // Whoever waits for it next hears of it; nobody else must.
    this.#pending.catch(() => {});
  }

  async #write(pieces: readonly Uint8Array[], offset: number): Promise<void> {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const { handle } = this.#file;
    try {
      let { bytesWritten } = await handle.writev(pieces, offset);
      if (bytesWritten === length) return;
      const rest = Buffer.concat(pieces);
      while (bytesWritten < length) {
        bytesWritten += (await handle.write(rest, bytesWritten, length - bytesWritten, offset + bytesWritten))
          .bytesWritten;
      }
    } catch (error) {
      throw fileError(error, this.#path, "write");
    }
  }
}

/** Begins a file that is to appear at `path`. @throws StrataError as {@link openPartialFile} */
export async function openArchiveFile(path: string): Promise<ArchiveFile> {
  return new ArchiveFile(path, await openPartialFile(path));
}
