/** A half-open range of bytes. Defaults: from the first byte to the end. */
export interface ByteRange {
  readonly start?: number;
  /** First byte that is not part of the range; clamped to the size. */
  readonly end?: number;
  readonly signal?: AbortSignal;
}

/**
 * Bytes of known length that can be read at any offset, any number of times, by any number of readers at once.
 * Whoever opened it disposes it; reading after that is an error.
 */
export interface ByteSource extends AsyncDisposable {
  /** Length in bytes. */
  readonly size: number;
  /** Fills `target` from `offset`; resolves to the bytes read, fewer than asked only at the end of the source. */
  read(target: Uint8Array, offset: number): Promise<number>;
  /** {@link read} without waiting, for sources whose bytes are local. */
  readSync?(target: Uint8Array, offset: number): number;
  /** The bytes of the range in order. A chunk belongs to the consumer. */
  stream(range?: ByteRange): AsyncIterable<Uint8Array>;
}

/** A source over bytes in memory. The bytes are not copied: do not change them while it is in use. */
export function memorySource(bytes: Uint8Array): ByteSource {
  const readSync = (target: Uint8Array, offset: number): number => {
    const part = bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  };
  return {
    size: bytes.length,
    readSync,
    read: async (target, offset) => readSync(target, offset),
    async *stream({ start = 0, end = bytes.length } = {}) {
      if (start < end) yield bytes.subarray(start, end);
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** The window `[start, start + size)` of another source, which stays the owner: disposing the window does nothing. */
export function sliceSource(whole: ByteSource, start: number, size: number): ByteSource {
  const window = (target: Uint8Array, offset: number): Uint8Array =>
    // Another view costs as much as a small read.
    target.length <= size - offset ? target : target.subarray(0, Math.max(0, size - offset));
  const slice: ByteSource = {
    size,
    read: (target, offset) => whole.read(window(target, offset), start + offset),
    stream: ({ start: from = 0, end = size, ...rest } = {}) =>
      whole.stream({ ...rest, start: start + from, end: start + Math.min(end, size) }),
    async [Symbol.asyncDispose]() {},
  };
  const { readSync } = whole;
  if (readSync !== undefined) {
    slice.readSync = (target, offset) => readSync.call(whole, window(target, offset), start + offset);
  }
  return slice;
}

/** Reads the whole range into one new buffer. The caller has bounded its length. */
export async function readAll(source: ByteSource, range: ByteRange = {}): Promise<Uint8Array> {
  const start = range.start ?? 0;
  const bytes = new Uint8Array(Math.max(0, Math.min(range.end ?? source.size, source.size) - start));
  const count = await source.read(bytes, start);
  return count === bytes.length ? bytes : bytes.subarray(0, count);
}
