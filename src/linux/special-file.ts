import { constants } from "node:fs";
import type { ByteString, FileTime } from "../base/index.ts";
import { assertDone, cString, libc } from "./libc.ts";

const TYPE_BITS = { char: constants.S_IFCHR, block: constants.S_IFBLK, fifo: constants.S_IFIFO } as const;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;

/** A file that is no file. Device numbers matter for `char` and `block` only. */
export interface SpecialFile {
  readonly type: "char" | "block" | "fifo";
  /** Permission bits, to which the process's umask applies. */
  readonly mode: number;
  readonly major?: number;
  readonly minor?: number;
}

/** Makes a device or a pipe. @throws an errno error as Node's: `EEXIST`, `EPERM` … */
export function makeSpecialFile(path: ByteString, { type, mode, major = 0, minor = 0 }: SpecialFile): void {
  const done = libc().mknod(cString(path), TYPE_BITS[type] | mode, encodeDevice(major, minor));
  assertDone(done, "mknod", path);
}

/** A device number as user space has it (gnu_dev_makedev). */
export function encodeDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

/** Major and minor of a device number as `stat` gives it. */
export function decodeDevice(device: bigint): { major: number; minor: number } {
  const major = ((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn);
  const minor = ((device >> 12n) & 0xffffff00n) | (device & 0xffn);
  return { major: Number(major), minor: Number(minor) };
}

/** Sets both times of a file itself (links are not followed), to the nanosecond. @throws an errno error as Node's */
export function setFileTimes(path: ByteString, atime: FileTime, mtime: FileTime): void {
  const times = BigInt64Array.from([atime.seconds, atime.nanoseconds, mtime.seconds, mtime.nanoseconds].map(BigInt));
  assertDone(libc().utimensat(AT_FDCWD, cString(path), times, AT_SYMLINK_NOFOLLOW), "utimensat", path);
}
