/** Where an archive goes, from front to back. One call at a time. */
export interface ArchiveSink extends AsyncDisposable {
  /** Bytes appended so far. */
  readonly size: number;
  /** Appends; the bytes belong to the sink from now on. A failed write is told by this call or a later one. */
  append(bytes: Uint8Array): Promise<void>;
  /** Drops what was appended from `size` on; where that has gone already the archive can no longer be published. */
  truncate(size: number): Promise<void>;
  /** Makes the whole durable and visible, as far as its place allows. */
  publish(): Promise<void>;
  /** Leaves as little as possible of what was not published. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Takes the next bytes of standard output; resolves when it wants more. */
export type StandardOutput = (bytes: Uint8Array) => Promise<void>;
