import type { SparseRun } from "./entry.ts";

/** A power of two that every file system's blocks are, or divide. */
const BLOCK = 4096;
const ZEROS = Buffer.alloc(BLOCK);

/** A file of this size or less has no hole that would save more than it costs. */
export const SMALLEST_SPARSE = BLOCK;

/**
 * Runs of a file widened to whole blocks of 4096 bytes and joined, within its `size`: where {@link DataRunFinder} has to look.
 * Undefined where that is the whole file: it has no holes.
 * @param runs ascending; they may overlap, and reach beyond the end
 */
export function blocksOfRuns(runs: Iterable<SparseRun>, size: number): readonly SparseRun[] | undefined {
  const found: { offset: number; length: number }[] = [];
  let end = 0;
  for (const { offset, length } of runs) {
    if (length <= 0) continue;
    const start = Math.max(end, offset - (offset % BLOCK));
    const stop = Math.min(size, Math.ceil((offset + length) / BLOCK) * BLOCK);
    if (stop <= start) continue;
    extend(found, start, stop - start);
    end = stop;
  }
  return isWhole(found, size) ? undefined : found;
}

/**
 * Finds by content where a file has data: blocks of 4096 zeros, counted from the file's beginning, are holes. So the same content
 * gives the same runs wherever it lies, as long as it has holes there at all.
 */
export class DataRunFinder {
  readonly #runs: { offset: number; length: number }[] = [];

  /** Takes the bytes at a block's beginning, after all that were taken before: whole blocks, or up to the end of the file. */
  add(bytes: Uint8Array, offset: number): void {
    for (let start = 0; start < bytes.length; start += BLOCK) {
      const block = bytes.subarray(start, start + BLOCK);
      if (Buffer.compare(block, block.length === BLOCK ? ZEROS : ZEROS.subarray(0, block.length)) === 0) continue;
      extend(this.#runs, offset + start, block.length);
    }
  }

  /** The runs, ascending; undefined for a file of that size without holes. */
  finish(size: number): readonly SparseRun[] | undefined {
    return isWhole(this.#runs, size) ? undefined : this.#runs;
  }
}

function extend(runs: { offset: number; length: number }[], offset: number, length: number): void {
  const last = runs.at(-1);
  if (last !== undefined && last.offset + last.length === offset) last.length += length;
  else runs.push({ offset, length });
}

function isWhole(runs: readonly SparseRun[], size: number): boolean {
  return size === 0 || (runs.length === 1 && runs[0]?.length === size);
}
