import { readSync, writeSync } from "node:fs";
import { constants as system } from "node:os";
import { assertDone, errnoError, libc, libcFunction } from "./libc.ts";

const { EBADF, EINVAL, ENOSYS, ENOTSUP, EOPNOTSUPP, EPERM, ETXTBSY, EXDEV, EIO, ENOTTY, EINTR } = system.errno;
/** What a kernel says that cannot copy between these two files; a real error shows again when they are read. */
const CANNOT = new Set<number>([EBADF, EINVAL, EIO, ENOSYS, ENOTSUP, EOPNOTSUPP, EPERM, ETXTBSY, EXDEV]);
/** What a kernel says that cannot share the blocks of these two files. */
const CANNOT_CLONE = new Set<number>([EINVAL, ENOSYS, ENOTSUP, EOPNOTSUPP, EPERM, EXDEV, ENOTTY]);
const FICLONE = 0x40049409;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
/** The kernel takes no more at once. */
const LARGEST_COPY = 0x7fff_f000;

const copyFileRange = libcFunction<
  [from: number, fromAt: Int32Array, to: number, toAt: Int32Array, length: number, flags: number]
>("int64_t copy_file_range(int from, void *fromAt, int to, void *toAt, size_t length, uint32_t flags)");
const sendfile = libcFunction<[to: number, from: number, fromAt: Int32Array, length: number]>(
  "int64_t sendfile(int to, int from, void *fromAt, size_t length)",
);
const lseek = libcFunction<[fd: number, offset: number, whence: number]>(
  "int64_t lseek(int fd, int64_t offset, int whence)",
);
const ioctl = libcFunction<[fd: number, request: number, argument: number]>(
  "int ioctl(int fd, unsigned long request, int argument)",
);
const fallocate = libcFunction<[fd: number, mode: number, offset: number, length: number]>(
  "int fallocate(int fd, int mode, int64_t offset, int64_t length)",
);

/** A place in an open file. */
export interface FilePlace {
  readonly fd: number;
  readonly offset: number;
}

/** Calls are synchronous, so these serve all of them. */
const fromAt = new Int32Array(2);
const toAt = new Int32Array(2);
const buffer = Buffer.allocUnsafeSlow(512 * 1024);

/**
 * Copies bytes between open files: by the kernel, which shares blocks where the file system can, else by reading and writing. Moves the offset of `to`.
 * @returns bytes copied, fewer than `length` only where `from` ends
 * @throws an errno error as Node's: `ENOSPC` …
 */
export function copyRange(from: FilePlace, to: FilePlace, length: number): number {
  let done = 0;
  while (done < length) {
    setOffset(fromAt, from.offset + done);
    setOffset(toAt, to.offset + done);
    const copied = copyFileRange(from.fd, fromAt, to.fd, toAt, Math.min(length - done, LARGEST_COPY), 0);
    if (copied > 0) {
      done += copied;
      continue;
    }
    // Files in /proc and the like pretend to be at their end.
    if (copied === 0) return done + copyByHand(from, to, { done, length });
    const errno = libc().errno();
    if (errno === EINTR) continue;
    if (CANNOT.has(errno)) return done + copyAcross(from, to, { done, length });
    throw errnoError("copy_file_range", errno, "");
  }
  return done;
}

interface Part {
  readonly done: number;
  readonly length: number;
}

/** Between file systems: still one copy only, from cache to cache. */
function copyAcross(from: FilePlace, to: FilePlace, { done, length }: Part): number {
  let at = done;
  if (lseek(to.fd, to.offset + at, 0) < 0) return copyByHand(from, to, { done, length });
  while (at < length) {
    setOffset(fromAt, from.offset + at);
    const copied = sendfile(to.fd, from.fd, fromAt, Math.min(length - at, LARGEST_COPY));
    if (copied <= 0) return at - done + copyByHand(from, to, { done: at, length });
    at += copied;
  }
  return at - done;
}

/** Says what is wrong, if the kernel's own ways met an error. */
function copyByHand(from: FilePlace, to: FilePlace, { done, length }: Part): number {
  let at = done;
  while (at < length) {
    const count = readSync(from.fd, buffer, 0, Math.min(buffer.length, length - at), from.offset + at);
    if (count === 0) break;
    for (let written = 0; written < count; ) {
      written += writeSync(to.fd, buffer, written, count - written, to.offset + at + written);
    }
    at += count;
  }
  return at - done;
}

function setOffset(words: Int32Array, offset: number): void {
  words[0] = (offset % 2 ** 32) | 0;
  words[1] = Math.floor(offset / 2 ** 32);
}

/**
 * Makes an open, empty file share all blocks of another (FICLONE): a copy that takes neither time nor space.
 * @returns false where the file system cannot, and nothing happened
 * @throws an errno error as Node's, for everything else
 */
export function cloneFile(from: number, to: number): boolean {
  if (ioctl(to, FICLONE, from) === 0) return true;
  const errno = libc().errno();
  if (CANNOT_CLONE.has(errno)) return false;
  throw errnoError("ioctl", errno, "");
}

/** Gives back the blocks of a range of an open file, which reads as zeros then. False where the file system cannot. */
export function punchHole(fd: number, offset: number, length: number): boolean {
  if (fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset, length) === 0) return true;
  const errno = libc().errno();
  if (errno === EOPNOTSUPP || errno === ENOSYS) return false;
  assertDone(-1, "fallocate", "");
  return false;
}
