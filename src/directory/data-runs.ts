import { dataRanges, isLinux } from "../linux/index.ts";
import type { SparseRun } from "../tar/index.ts";
import { type ListedFile, type OpenedFile, openListedFile } from "./listed-file.ts";

/** A power of two that every file system's blocks are, or divide. */
const BLOCK = 4096;
const ZEROS = Buffer.alloc(BLOCK);
const buffer = Buffer.alloc(64 * BLOCK);

/**
 * Where a file with holes has data, ascending; undefined for a file without holes. Whether it has any the file system says;
 * where they are the bytes do, in blocks of 4096, so that a copy on another file system has the same: blocks of zeros are holes.
 * @throws StrataError as `openListedFile`
 */
export function dataRunsOf(file: ListedFile): readonly SparseRun[] | undefined {
  // A hole in less than this would be paid for with more than it saves.
  if (file.size <= BLOCK || !isLinux()) return undefined;
  const opened = openListedFile(file);
  try {
    const ranges = dataRanges(opened.fd, file.size);
    const first = ranges.next();
    if (first.done !== true && first.value.start === 0 && first.value.end >= file.size) return undefined;
    const runs = first.done === true ? [] : runsOf(opened, [first.value, ...ranges]);
    return runs.length === 1 && runs[0]?.length === file.size ? undefined : runs;
  } finally {
    opened.close();
  }
}

function runsOf(file: OpenedFile, ranges: readonly { readonly start: number; readonly end: number }[]): SparseRun[] {
  const runs: { offset: number; length: number }[] = [];
  let end = 0;
  for (const range of ranges) {
    for (let at = Math.max(end, range.start - (range.start % BLOCK)); at < range.end; at += buffer.length) {
      const length = Math.min(buffer.length, roundUp(range.end) - at);
      addRuns(runs, buffer.subarray(0, file.readSync(buffer.subarray(0, length), at)), at);
      end = at + length;
    }
  }
  return runs;
}

/** @param at where the bytes begin in the file: at a block */
function addRuns(runs: { offset: number; length: number }[], bytes: Buffer, at: number): void {
  for (let start = 0; start < bytes.length; start += BLOCK) {
    const block = bytes.subarray(start, start + BLOCK);
    if (block.equals(ZEROS.subarray(0, block.length))) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.offset + last.length === at + start) last.length += block.length;
    else runs.push({ offset: at + start, length: block.length });
  }
}

function roundUp(offset: number): number {
  return Math.ceil(offset / BLOCK) * BLOCK;
}
