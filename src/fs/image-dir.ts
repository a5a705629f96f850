import { callbackify } from "node:util";
import { withCode } from "./argument-error.ts";
import type { ImageDirent } from "./image-dirent.ts";
import type { NameEncoding } from "./name-encoding.ts";

/** As of `fs.opendir`; `bufferSize` is accepted and has no effect, because nothing is read. */
export interface OpendirOptions {
  readonly encoding?: NameEncoding | undefined;
  readonly recursive?: boolean | undefined;
  readonly bufferSize?: number | undefined;
}

type Dirent = ImageDirent<string | Buffer>;

/**
 * What `fs.Dir` is: the entries of a directory one at a time. It holds no resource, but behaves as if it did:
 * after `close`, or when an iteration ended, every call fails with `ERR_DIR_CLOSED`.
 */
export class ImageDir implements AsyncIterable<Dirent>, AsyncDisposable {
  /** As the caller wrote it. */
  readonly path: string;
  #entries: Iterator<Dirent> | undefined;

  constructor(path: string, entries: Iterator<Dirent>) {
    this.path = path;
    this.#entries = entries;
  }

  /** The next entry; null at the end. */
  readSync(): Dirent | null {
    const next = this.#open().next();
    return next.done === true ? null : next.value;
  }

  closeSync(): void {
    this.#open();
    this.#entries = undefined;
  }

  /** {@link readSync} as a promise, or for a callback. */
  read(): Promise<Dirent | null>;
  read(callback: (error: Error | null, entry: Dirent | null) => void): void;
  read(callback?: (error: Error | null, entry: Dirent | null) => void): Promise<Dirent | null> | undefined {
    const reading = async (): Promise<Dirent | null> => this.readSync();
    if (callback === undefined) return reading();
    callbackify(reading)(callback);
    return undefined;
  }

  close(): Promise<void>;
  close(callback: (error: Error | null) => void): void;
  close(callback?: (error: Error | null) => void): Promise<void> | undefined {
    const closing = async (): Promise<void> => this.closeSync();
    if (callback === undefined) return closing();
    callbackify(closing)(callback);
    return undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Dirent> {
    try {
      for (let entry = this.readSync(); entry !== null; entry = this.readSync()) yield entry;
    } finally {
      if (this.#entries !== undefined) this.closeSync();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#entries = undefined;
  }

  #open(): Iterator<Dirent> {
    if (this.#entries !== undefined) return this.#entries;
    throw withCode(new Error("Directory handle was closed"), "ERR_DIR_CLOSED");
  }
}
