import type { FileHandle } from "node:fs/promises";
import { assertNotAborted } from "../../../base/index.ts";
import { WriteBack } from "../../../linux/index.ts";
import { createHasher, type Digest, type DigestAlgorithm, type Hasher } from "../../../oci/index.ts";
import { fileError } from "./file-error.ts";

/** System calls and hash calls of this size cost next to nothing. */
const BATCH_BYTES = 1024 * 1024;
/** Chunks from here on are written as they come; smaller ones are collected. */
const DIRECT_BYTES = 256 * 1024;
/** So many bytes go to the disk at once, while the next are on their way: the sync at the end is short then. */
const WRITE_BACK_BYTES = 8 * 1024 * 1024;

/**
 * Appends to an open file and hashes in the same pass: while one piece is being written the next is hashed. A failed
 * write is told by this call or the next one; the file then ends where its bytes are still without a gap.
 *
 * One call at a time. The handle stays the caller's.
 */
export class HashingAppender {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #algorithm: DigestAlgorithm;
  #hasher: Hasher;
  /** Where the next piece goes; everything before is in the file or in `#pending`. */
  #end = 0;
  readonly #writeBack: WriteBack;
  #pending: Promise<void> = Promise.resolve();
  #batch = Buffer.alloc(0);
  #spare = Buffer.alloc(0);
  #filled = 0;

  /** @param path names the file in messages */
  constructor(handle: FileHandle, path: string, algorithm: DigestAlgorithm) {
    this.#handle = handle;
    this.#writeBack = new WriteBack(handle.fd, WRITE_BACK_BYTES);
    this.#path = path;
    this.#algorithm = algorithm;
    this.#hasher = createHasher(algorithm);
  }

  /** Bytes that were read back or appended, whether they have reached the file or not. */
  get size(): number {
    return this.#end + this.#filled;
  }

  /** Takes the first `size` bytes of the file as they are, and hashes them. To be called first, if at all. */
  async readBack(size: number, signal: AbortSignal | undefined): Promise<void> {
    let [filling, full] = [Buffer.allocUnsafeSlow(BATCH_BYTES), Buffer.allocUnsafeSlow(BATCH_BYTES)];
    const read = (offset: number): Promise<number> =>
      this.#handle.read(filling, 0, Math.min(BATCH_BYTES, size - offset), offset).then(({ bytesRead }) => bytesRead);
    try {
      let reading = read(0);
      while (this.#end < size) {
        const count = await reading;
        assertNotAborted(signal);
        if (count === 0) break;
        [filling, full] = [full, filling];
        this.#end += count;
        reading = this.#end < size ? read(this.#end) : Promise.resolve(0);
        this.#hasher.update(full.subarray(0, count));
      }
    } catch (error) {
      throw fileError(error, this.#path);
    }
  }

  /** Appends. The chunk may be reused when it resolves. @throws StrataError as `fileError`, from now on at every call */
  async append(chunk: Uint8Array): Promise<void> {
    if (chunk.length >= DIRECT_BYTES) {
      await this.#putBatch();
      await this.#put(chunk);
      return await this.#pending;
    }
    for (let taken = 0; taken < chunk.length; ) {
      if (this.#batch.length === 0) this.#batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
      const part = chunk.subarray(taken, taken + BATCH_BYTES - this.#filled);
      this.#batch.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      if (this.#filled === BATCH_BYTES) await this.#putBatch();
    }
  }

  /** Brings everything into the file, if not yet to the disk. */
  async flush(): Promise<void> {
    await this.#putBatch();
    await this.#pending;
  }

  /** Makes the file empty and begins again; heals what failed before. */
  async reset(): Promise<void> {
    await this.#pending.catch(() => {});
    this.#pending = Promise.resolve();
    this.#hasher = createHasher(this.#algorithm);
    this.#end = 0;
    this.#filled = 0;
    this.#writeBack.restart();
    await this.#handle.truncate(0).catch((error: unknown) => {
      throw fileError(error, this.#path, "write");
    });
  }

  /** The digest of all bytes. After it only {@link reset} makes sense. */
  async digest(): Promise<Digest> {
    await this.flush();
    return this.#hasher.digest();
  }

  async #putBatch(): Promise<void> {
    if (this.#filled === 0) return await this.#pending;
    await this.#put(this.#batch.subarray(0, this.#filled));
    // The batch before this one has been written, or this would not be pending: its room is free.
    [this.#batch, this.#spare] = [this.#spare, this.#batch];
    this.#filled = 0;
  }

  /** Begins to write a piece as soon as the one before has been written, and hashes it meanwhile. */
  async #put(bytes: Uint8Array): Promise<void> {
    await this.#pending;
    const offset = this.#end;
    this.#end += bytes.length;
    this.#pending = this.#write(bytes, offset);
    // Whoever waits for it next hears of it; nobody else must.
    this.#pending.catch(() => {});
    this.#hasher.update(bytes);
  }

  async #write(bytes: Uint8Array, offset: number): Promise<void> {
    let done = 0;
    try {
      while (done < bytes.length) {
        done += (await this.#handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
      }
      this.#writeBack.reached(offset + done);
    } catch (error) {
      this.#end = offset + done;
      this.#filled = 0;
      throw fileError(error, this.#path, "write");
    }
  }
}
