import { dataRanges, isLinux } from "../linux/index.ts";
import { blocksOfRuns, DataRunFinder, SMALLEST_SPARSE, type SparseRun } from "../tar/index.ts";
import { type ListedFile, openListedFile } from "./listed-file.ts";

const buffer = Buffer.alloc(256 * 1024);

/**
 * Where a file with holes has data, ascending; undefined for a file without holes. Whether it has any the file system says;
 * where they are the bytes do, as {@link DataRunFinder} has it, so that a copy on another file system has the same.
 * @throws StrataError as `openListedFile`
 */
export function dataRunsOf(file: ListedFile): readonly SparseRun[] | undefined {
  if (file.size <= SMALLEST_SPARSE || !isLinux()) return undefined;
  const opened = openListedFile(file);
  try {
    const blocks = blocksOfRuns(storedRuns(opened.fd, file.size), file.size);
    if (blocks === undefined) return undefined;
    const finder = new DataRunFinder();
    for (const { offset, length } of blocks) {
      const end = offset + length;
      for (let at = offset; at < end; at += buffer.length) {
        const part = buffer.subarray(0, Math.min(buffer.length, end - at));
        finder.add(part.subarray(0, opened.readSync(part, at)), at);
      }
    }
    return finder.finish(file.size);
  } finally {
    opened.close();
  }
}

function* storedRuns(fd: number, size: number): Generator<SparseRun> {
  for (const { start, end } of dataRanges(fd, size)) yield { offset: start, length: end - start };
}
