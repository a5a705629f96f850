import { isLinux, libcFunction } from "./libc.ts";

/** SYNC_FILE_RANGE_WRITE of linux/fs.h: begin, and wait for nothing. */
const BEGIN = 2;

const syncFileRange = libcFunction<[number, number, number, number]>(
  "int sync_file_range(int fd, int64_t offset, int64_t bytes, unsigned int flags)",
);

/**
 * Lets the kernel begin to write a part of an open file to its disk now (sync_file_range(2)), so that a later fsync has
 * less left to wait for. Promises nothing: whatever fails is left to that fsync, which alone makes anything durable.
 * Does nothing on other systems.
 */
export function startWriteBack(fd: number, offset: number, bytes: number): void {
  if (isLinux()) syncFileRange(fd, offset, bytes, BEGIN);
}
