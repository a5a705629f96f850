import type { FileHandle } from "node:fs/promises";
import { ingestClosed } from "../../blob-errors.ts";
import type { BlobInfo, ExpectedBlob, Ingest } from "../../content-store.ts";
import { assertExpected, assertFits } from "../../expected-blob.ts";
import { publishBlob } from "./blob-directory.ts";
import { fileError } from "./file-error.ts";
import type { HashingAppender } from "./hashing-appender.ts";
import { type IngestDirectory, removeIngest } from "./ingest-directory.ts";
import type { FileLock } from "./lock-file.ts";

/** Where a store lies: the parts that an ingest touches. */
export interface StoreDirectories {
  readonly blobs: string;
  readonly ingests: string;
}

/** An ingest whose ref is ours. */
export interface LockedIngest {
  readonly ref: string;
  readonly expected: ExpectedBlob;
  readonly directory: IngestDirectory;
  /** Owned by the ingest from now on, as is the handle. */
  readonly lock: FileLock;
}

/** Lifecycle: open → (committing) → ended, or back to open when the bytes were refused. */
export class LocalIngest implements Ingest {
  readonly #store: StoreDirectories;
  readonly #locked: LockedIngest;
  readonly #handle: FileHandle;
  readonly #appender: HashingAppender;
  #hasEnded = false;

  constructor(
    store: StoreDirectories,
    locked: LockedIngest,
    { handle, appender }: { handle: FileHandle; appender: HashingAppender },
  ) {
    this.#store = store;
    this.#locked = locked;
    this.#handle = handle;
    this.#appender = appender;
  }

  get ref(): string {
    return this.#locked.ref;
  }

  get path(): string {
    return this.#locked.directory.data;
  }

  get offset(): number {
    return this.#appender.size;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#assertOpen();
    assertFits(this.ref, this.#locked.expected, this.offset + chunk.length);
    await this.#appender.append(chunk);
  }

  async restart(): Promise<void> {
    this.#assertOpen();
    await this.#appender.reset();
  }

  async commit(): Promise<BlobInfo> {
    this.#assertOpen();
    const { expected } = this.#locked;
    const actual = { digest: await this.#appender.digest(), size: this.offset, storedAt: 0 };
    try {
      assertExpected(this.ref, expected, actual);
    } catch (error) {
      await this.#appender.reset();
      throw error;
    }
    const blob = await this.#publish(actual);
    // What cannot be tidied up now is remains, which the next look at the ingests removes.
    await this.#end(true).catch(() => {});
    return blob;
  }

  async abort(): Promise<void> {
    if (!this.#hasEnded) await this.#end(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return;
    // What cannot be written any more is only work that is done again.
    await this.#appender.flush().catch(() => {});
    await this.#end(this.offset === 0);
  }

  #assertOpen(): void {
    if (this.#hasEnded) throw ingestClosed(this.ref);
  }

  /** Where the disk refuses, the ingest ends; bytes that are durable stay to be resumed. */
  async #publish(blob: BlobInfo): Promise<BlobInfo> {
    try {
      await this.#seal();
      return await publishBlob(this.#store.blobs, this.#locked.directory.data, blob);
    } catch (error) {
      await this[Symbol.asyncDispose]().catch(() => {});
      throw error;
    }
  }

  /** From here on the bytes survive a loss of power, and nobody changes them by mistake. */
  async #seal(): Promise<void> {
    try {
      await this.#handle.chmod(0o444);
      await this.#handle.sync();
    } catch (error) {
      // What a disk once failed to sync may be lost anywhere in the file, and it will not say so again.
      await this.#appender.reset().catch(() => {});
      throw fileError(error, this.#locked.directory.data, "write");
    }
  }

  async #end(shouldRemove: boolean): Promise<void> {
    this.#hasEnded = true;
    try {
      await this.#handle.close();
      if (shouldRemove) await removeIngest(this.#locked.directory);
    } finally {
      await this.#locked.lock[Symbol.asyncDispose]();
    }
  }
}
