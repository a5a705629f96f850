import { promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { randomName, StrataError } from "../../base/index.ts";
import { type FileLock, fileError, syncDirectory, tryLockFile } from "../../content/index.ts";
import type { ArchiveSink } from "./archive-sink.ts";

/** Pieces are gathered up to this size: system calls then cost nothing. */
const BATCH_BYTES = 1024 * 1024;

/**
 * A file that is written from front to back and appears complete or not at all: beside its place, synced, then renamed
 * over what was there. While one batch is being written the next is gathered.
 *
 * The partial file has a fixed name and is locked, so that one that a killed process left is taken over by the next.
 * Lifecycle: {@link openArchiveFile} → any number of `append`, `truncate` → `publish` or dispose.
 */
export class ArchiveFile implements ArchiveSink {
  readonly #target: Target;
  readonly #handle: FileHandle;
  #pieces: Uint8Array[] = [];
  #gathered = 0;
  /** Where the gathered pieces will go. */
  #end = 0;
  #pending: Promise<void> = Promise.resolve();
  #isOpen = true;

  constructor(target: Target, handle: FileHandle) {
    this.#target = target;
    this.#handle = handle;
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
    await this.#handle.truncate(size).catch((error: unknown) => {
      throw fileError(error, this.#target.path, "write");
    });
  }

  /** Makes the file durable and visible. */
  async publish(): Promise<void> {
    const { path, partial } = this.#target;
    await this.#beginWrite();
    await this.#pending;
    try {
      await this.#handle.sync();
      await fs.rename(partial, path);
    } catch (error) {
      throw fileError(error, path, "write");
    }
    await this.#close();
    await syncDirectory(dirname(path));
  }

  /** Removes what was not published. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    await this.#pending.catch(() => {});
    await fs.rm(this.#target.partial, { force: true }).catch(() => {});
    await this.#close();
  }

  async #close(): Promise<void> {
    this.#isOpen = false;
    await this.#handle.close();
    await this.#target.lock?.[Symbol.asyncDispose]();
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
    try {
      let { bytesWritten } = await this.#handle.writev(pieces, offset);
      if (bytesWritten === length) return;
      const rest = Buffer.concat(pieces);
      while (bytesWritten < length) {
        bytesWritten += (await this.#handle.write(rest, bytesWritten, length - bytesWritten, offset + bytesWritten))
          .bytesWritten;
      }
    } catch (error) {
      throw fileError(error, this.#target.path, "write");
    }
  }
}

interface Target {
  /** Where the file will be, symbolic links followed. */
  readonly path: string;
  readonly partial: string;
  readonly lock: FileLock | undefined;
}

/**
 * Begins a file that is to appear at `path`. A symbolic link there stays and its target is replaced.
 * @throws StrataError `in-the-way` for a directory or a device; as `fileError`
 */
export async function openArchiveFile(path: string): Promise<ArchiveFile> {
  const target = await targetOf(path);
  try {
    const handle = await fs.open(target.partial, target.lock === undefined ? "wx" : "r+");
    await handle.truncate(0);
    return new ArchiveFile(target, handle);
  } catch (error) {
    await target.lock?.[Symbol.asyncDispose]();
    throw fileError(error, path, "write");
  }
}

async function targetOf(path: string): Promise<Target> {
  const real = await realPathOf(path);
  const partial = join(dirname(real), `.${basename(real)}.partial`);
  const lock = await tryLockFile(partial, "exclusive").catch((error: unknown) => {
    throw error instanceof StrataError && error.code === "file-not-found" ? directoryNotFound(path, error) : error;
  });
  // Another process writes the same file: the last one to finish wins.
  return lock === undefined
    ? { path: real, partial: join(dirname(real), `.${basename(real)}.${randomName()}.partial`), lock }
    : { path: real, partial, lock };
}

async function realPathOf(path: string): Promise<string> {
  try {
    const stats = await fs.stat(path);
    if (stats.isFile()) return await fs.realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return path;
    throw fileError(error, path, "write");
  }
  throw new StrataError({
    code: "in-the-way",
    kind: "already-exists",
    message: `Cannot write ${path}: it is there and no regular file`,
    details: { path },
  });
}

function directoryNotFound(path: string, cause: unknown): StrataError {
  return new StrataError({
    code: "file-not-found",
    kind: "not-found",
    message: `Cannot write ${path}: its directory does not exist`,
    details: { path },
    cause,
  });
}
