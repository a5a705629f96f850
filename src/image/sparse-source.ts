import type { ByteSource } from "../base/index.ts";
import type { SparseRun } from "../tar/index.ts";

const ZEROS_PER_CHUNK = 64 * 1024;

/** A run and where its data lies in the stored bytes. */
interface StoredRun extends SparseRun {
  readonly storedAt: number;
}

/**
 * A sparse file as its reader sees it: runs of stored data, zeros between them.
 *
 * @param stored the data of all runs one after another; stays the caller's
 * @param runs ascending, not overlapping, inside `size`
 */
export function sparseSource(stored: ByteSource, runs: readonly SparseRun[], size: number): ByteSource {
  const placed = placeRuns(runs);
  const { readSync } = stored;
  const source: ByteSource = {
    size,
    async read(target, offset) {
      const window = clear(target, offset, size);
      for (const piece of piecesIn(placed, window.length, offset))
        await stored.read(window.subarray(piece.to, piece.end), piece.from);
      return window.length;
    },
    async *stream({ start = 0, end = size } = {}) {
      for (let at = start; at < Math.min(end, size); ) {
        const chunk = new Uint8Array(Math.min(ZEROS_PER_CHUNK, Math.min(end, size) - at));
        at += await source.read(chunk, at);
        yield chunk;
      }
    },
    async [Symbol.asyncDispose]() {},
  };
  if (readSync === undefined) return source;
  return {
    ...source,
    readSync(target, offset) {
      const window = clear(target, offset, size);
      for (const piece of piecesIn(placed, window.length, offset))
        readSync.call(stored, window.subarray(piece.to, piece.end), piece.from);
      return window.length;
    },
  };
}

function placeRuns(runs: readonly SparseRun[]): StoredRun[] {
  let storedAt = 0;
  return runs.map((run) => {
    const placed = { ...run, storedAt };
    storedAt += run.length;
    return placed;
  });
}

function clear(target: Uint8Array, offset: number, size: number): Uint8Array {
  return target.subarray(0, Math.max(0, Math.min(target.length, size - offset))).fill(0);
}

/** What of a window comes from stored data: bytes `to`–`end` of the window lie at `from` in the stored bytes. */
function* piecesIn(
  runs: readonly StoredRun[],
  length: number,
  offset: number,
): Generator<{ readonly to: number; readonly end: number; readonly from: number }> {
  for (const run of runs) {
    const to = Math.max(run.offset, offset);
    const end = Math.min(run.offset + run.length, offset + length);
    if (to < end) yield { to: to - offset, end: end - offset, from: run.storedAt + to - run.offset };
  }
}
