import { constants, promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { assertNotAborted, StrataError, sleep } from "../../../base/index.ts";
import { algorithmOf } from "../../../oci/index.ts";
import { ingestClosed, ingestLocked } from "../../blob-errors.ts";
import type { BlobInfo, ExpectedBlob, Ingest, IngestOptions } from "../../content-store.ts";
import { assertExpected, assertFits, mergeExpected } from "../../expected-blob.ts";
import { publishBlob } from "./blob-directory.ts";
import { fileError } from "./file-error.ts";
import { HashingAppender } from "./hashing-appender.ts";
import { describeIngest, type IngestDirectory, ingestDirectory, readStatus, removeIngest } from "./ingest-directory.ts";
import { type FileLock, lockFile, tryLockFile } from "./lock-file.ts";
import { makeDirectories } from "./sync-directory.ts";

/** Where a store lies: the parts that an ingest touches. */
export interface StoreDirectories {
  readonly blobs: string;
  readonly ingests: string;
}

/** Others look at a lock for a moment to see whether it is held: a loser who would not wait tries again after it. */
const GLANCES = 4;
const GLANCE_MS = 3;

/** See `BlobIngester.ingest`. */
export async function openLocalIngest(
  store: StoreDirectories,
  ref: string,
  { expected, options }: { readonly expected: ExpectedBlob; readonly options: IngestOptions },
): Promise<Ingest> {
  const directory = ingestDirectory(store.ingests, ref);
  const lock = await lockIngest(directory, ref, options);
  try {
    return await resumeIngest(store, { directory, lock, ref, expected, signal: options.signal });
  } catch (error) {
    if ((await readStatus(directory, true)) === undefined) await removeIngest(directory).catch(() => {});
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Takes the lock of an ingest, whose directory is made for that.
 * @throws StrataError `ingest-locked`, `aborted`
 */
export async function lockIngest(directory: IngestDirectory, ref: string, options: IngestOptions): Promise<FileLock> {
  for (let glance = 1; ; ) {
    assertNotAborted(options.signal);
    await makeDirectories(directory.path);
    try {
      return await lockFile(directory.lock, "exclusive", options);
    } catch (error) {
      const code = error instanceof StrataError ? error.code : "";
      // Its last owner has just removed the directory.
      if (code === "file-not-found") continue;
      if (code !== "file-locked") throw error;
      if (glance++ === GLANCES) throw ingestLocked(ref, error);
      await sleep(GLANCE_MS, options.signal);
    }
  }
}

/** The lock of an ingest that nobody holds; undefined when somebody does or the directory is gone. */
export async function tryLockIngest(directory: IngestDirectory): Promise<FileLock | undefined> {
  try {
    return await tryLockFile(directory.lock, "exclusive");
  } catch (error) {
    if (error instanceof StrataError && error.code === "file-not-found") return undefined;
    throw error;
  }
}

interface LockedIngest {
  readonly directory: IngestDirectory;
  readonly lock: FileLock;
  readonly ref: string;
  readonly expected: ExpectedBlob;
  readonly signal: AbortSignal | undefined;
}

async function resumeIngest(store: StoreDirectories, locked: LockedIngest): Promise<Ingest> {
  const { directory, ref, signal } = locked;
  const before = await readStatus(directory, true);
  const merged = before === undefined ? undefined : mergeExpected(before.expected, locked.expected);
  const expected = merged ?? locked.expected;
  await describeIngest(directory, ref, expected);
  const handle = await openData(directory);
  try {
    const algorithm = expected.digest === undefined ? "sha256" : algorithmOf(expected.digest);
    const appender = new HashingAppender(handle, directory.data, algorithm);
    const { size } = await handle.stat();
    if (merged === undefined || size > (expected.size ?? Number.POSITIVE_INFINITY)) await appender.reset();
    else await appender.readBack(size, signal);
    return new LocalIngest(store, { ...locked, expected }, { handle, appender });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A commit that was cut short has left the file read-only, with nothing missing. */
async function openData({ data }: IngestDirectory): Promise<FileHandle> {
  const open = (): Promise<FileHandle> => fs.open(data, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    return await open().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EACCES") throw error;
      await fs.chmod(data, 0o600);
      return await open();
    });
  } catch (error) {
    throw fileError(error, data, "write");
  }
}

/** Lifecycle: open → (committing) → ended, or back to open when the bytes were refused. */
class LocalIngest implements Ingest {
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
    const { directory, expected } = this.#locked;
    const actual = { digest: await this.#appender.digest(), size: this.offset, storedAt: 0 };
    try {
      assertExpected(this.ref, expected, actual);
    } catch (error) {
      await this.#appender.reset();
      throw error;
    }
    await this.#seal();
    const blob = await publishBlob(this.#store.blobs, directory.data, actual);
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

  /** From here on the bytes survive a loss of power, and nobody changes them by mistake. */
  async #seal(): Promise<void> {
    try {
      await this.#handle.chmod(0o444);
      await this.#handle.sync();
    } catch (error) {
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
