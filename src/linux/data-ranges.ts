import { constants } from "node:os";
import { errnoError, libc, libcFunction } from "./libc.ts";

const [SEEK_DATA, SEEK_HOLE] = [3, 4];
const callSeek = libcFunction<[number, number, number]>("int64_t lseek(int fd, int64_t offset, int whence)");

/** Bytes of a file that are stored: `start` ≤ offset < `end`. */
export interface DataRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Where an open file of that size has bytes, in ascending order; all else are holes. Where the file system does not tell,
 * that is everywhere. Moves the file's offset. @throws an errno error as Node's
 */
export function* dataRanges(fd: number, size: number): Generator<DataRange> {
  for (let start = seek(fd, 0, SEEK_DATA); start !== undefined && start < size; ) {
    const end = Math.min(seek(fd, start, SEEK_HOLE) ?? size, size);
    yield { start, end };
    start = seek(fd, end, SEEK_DATA);
  }
}

/** Whether an open file of that size has holes, as far as the file system tells. Moves the file's offset. */
export function hasHoles(fd: number, size: number): boolean {
  return (seek(fd, 0, SEEK_HOLE) ?? size) < size;
}

/** Undefined behind the last data. */
function seek(fd: number, offset: number, whence: number): number | undefined {
  const found = callSeek(fd, offset, whence);
  if (found >= 0) return found;
  const errno = libc().errno();
  if (errno === constants.errno.ENXIO) return undefined;
  throw errnoError("lseek", errno, `fd ${fd}`);
}
