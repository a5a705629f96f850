import { assertNotAborted, type ByteRange, type ByteSource, sliceSource } from "../base/index.ts";
import type { SparseRun, TarEntry } from "./entry.ts";

const STREAM_CHUNK = 256 * 1024;

/** Where the data of a file lies, and how it is to be read. */
export type EntryData = Pick<TarEntry, "dataOffset" | "storedSize" | "size" | "sparse">;

/**
 * The content of a file as its reader sees it: the entry's data in the (uncompressed) archive, holes filled with zeros.
 * The archive stays the owner: disposing the content does nothing.
 */
export function entryContent(archive: ByteSource, entry: EntryData): ByteSource {
  const stored = sliceSource(archive, entry.dataOffset, entry.storedSize);
  return entry.sparse === undefined ? stored : sparseContent(stored, entry.sparse, entry.size);
}

/** A piece of a run, located in the stored data and in the buffer that is being filled. */
interface Piece {
  readonly storedOffset: number;
  readonly target: Uint8Array;
}

function sparseContent(stored: ByteSource, runs: readonly SparseRun[], size: number): ByteSource {
  const starts = storedStarts(runs);
  const pieces = function* (target: Uint8Array, offset: number): Generator<Piece, void> {
    const end = offset + target.length;
    for (let i = firstRunAfter(runs, offset); i < runs.length; i++) {
      const run = runs[i] as SparseRun;
      const from = Math.max(run.offset, offset);
      const to = Math.min(run.offset + run.length, end);
      if (from >= end) return;
      yield {
        storedOffset: (starts[i] as number) + from - run.offset,
        target: target.subarray(from - offset, to - offset),
      };
    }
  };
  const window = (target: Uint8Array, offset: number): Uint8Array =>
    target.subarray(0, Math.max(0, Math.min(target.length, size - offset))).fill(0);
  const read = async (target: Uint8Array, offset: number): Promise<number> => {
    const bounded = window(target, offset);
    for (const piece of pieces(bounded, offset)) await stored.read(piece.target, piece.storedOffset);
    return bounded.length;
  };
  const content: ByteSource = {
    size,
    read,
    async *stream({ start = 0, end = size, signal }: ByteRange = {}) {
      const last = Math.min(end, size);
      for (let at = start; at < last; at += STREAM_CHUNK) {
        assertNotAborted(signal);
        const chunk = new Uint8Array(Math.min(STREAM_CHUNK, last - at));
        await read(chunk, at);
        yield chunk;
      }
    },
    async [Symbol.asyncDispose]() {},
  };
  const { readSync } = stored;
  if (readSync !== undefined) {
    content.readSync = (target, offset) => {
      const bounded = window(target, offset);
      for (const piece of pieces(bounded, offset)) readSync(piece.target, piece.storedOffset);
      return bounded.length;
    };
  }
  return content;
}

/** Where each run begins in the stored data, which holds the runs one after another. */
function storedStarts(runs: readonly SparseRun[]): Float64Array {
  const starts = new Float64Array(runs.length);
  let sum = 0;
  runs.forEach((run, i) => {
    starts[i] = sum;
    sum += run.length;
  });
  return starts;
}

/** The first run that ends after `offset`. */
function firstRunAfter(runs: readonly SparseRun[], offset: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const run = runs[middle] as SparseRun;
    if (run.offset + run.length <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
