import { type BigIntStats, constants, lstatSync } from "node:fs";
import { constants as system } from "node:os";
import { type ByteString, type FileTime, toBuffer } from "../base/index.ts";
import { assertDone, errnoError, isLinux, libc, libcFunction, pathBuffer } from "./libc.ts";
import { decodeDevice } from "./special-file.ts";

const callStatx = libcFunction<[directory: number, path: Buffer, flags: number, mask: number, answer: Buffer]>(
  "int statx(int directory, const void *path, int flags, unsigned int mask, void *answer)",
);
const [AT_FDCWD, AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT, AT_EMPTY_PATH] = [-100, 0x100, 0x800, 0x1000];
const { ENOENT, ENOTDIR } = system.errno;
const STATX_BASIC_STATS = 0x7ff;
const STATX_ATTR_MOUNT_ROOT = 0x2000;
const WORD = 2 ** 32;
const FRESH_SECONDS = 1;

const NO_PATH = Buffer.alloc(1);

/** Struct statx (statx(2)), 256 bytes, read as words: calls are synchronous, so one serves all of them. */
const answer = Buffer.alloc(256);
const words = new Uint32Array(answer.buffer, answer.byteOffset, 64);

/** What a file system says of a file itself, in plain numbers: lists of millions of files cannot afford bigints. */
export interface FileStatus {
  /** The type alone: `S_IFREG` … */
  readonly type: number;
  /** All twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly size: number;
  /** Bytes that are stored, as `du` counts. */
  readonly storedBytes: number;
  readonly mtime: FileTime;
  /**
   * Whether nothing was changed later than a second after the data: then {@link mtime} is the clock's, which the kernel reads only
   * some hundred times a second, and what was written twice in between has one time.
   */
  readonly isTimeFresh: boolean;
  /** Of a device: what it names. */
  readonly names: { readonly major: number; readonly minor: number };
  /** Of the file system: two numbers that say which it is. */
  readonly device: { readonly major: number; readonly minor: number };
  /** With {@link device} it says which file this is; two words, because not all of its 64 bits fit into a number. */
  readonly inodeHigh: number;
  readonly inodeLow: number;
  /** Whether something is mounted at just this path; false where the kernel does not tell (before Linux 5.8). */
  readonly isMountPoint: boolean;
}

/** What a path names, a link itself. @throws an errno error as Node's: `ENOENT`, `EACCES`, `ENAMETOOLONG` … */
export function statusOf(path: ByteString): FileStatus {
  if (!isLinux()) return fromStats(lstatSync(toBuffer(path), { bigint: true }));
  const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  assertDone(callStatx(AT_FDCWD, pathBuffer(path), flags, STATX_BASIC_STATS, answer), "statx", path);
  return decodeAnswer();
}

/** {@link statusOf} where it is no surprise that nothing is there: undefined then, and no error has to be made. */
export function statusIfThere(path: ByteString): FileStatus | undefined {
  if (!isLinux()) {
    const stats = lstatSync(toBuffer(path), { bigint: true, throwIfNoEntry: false });
    return stats && fromStats(stats);
  }
  const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  if (callStatx(AT_FDCWD, pathBuffer(path), flags, STATX_BASIC_STATS, answer) === 0) return decodeAnswer();
  const errno = libc().errno();
  if (errno === ENOENT || errno === ENOTDIR) return undefined;
  throw errnoError("statx", errno, path);
}

/** {@link statusOf} of an open file, on Linux. */
export function statusOfOpen(fd: number): FileStatus {
  assertDone(callStatx(fd, NO_PATH, AT_EMPTY_PATH, STATX_BASIC_STATS, answer), "statx", "");
  return decodeAnswer();
}

/** The size of an open regular file, on Linux; undefined of anything else. */
export function sizeIfRegular(fd: number): number | undefined {
  assertDone(callStatx(fd, NO_PATH, AT_EMPTY_PATH, STATX_BASIC_STATS, answer), "statx", "");
  return (word(28) & constants.S_IFMT) === constants.S_IFREG ? word(44) * WORD + word(40) : undefined;
}

/** Little endian, as every Linux that Node runs on here. */
function word(at: number): number {
  return words[at / 4] as number;
}

/** Of a struct statx_timestamp, with its fraction. */
function secondsAt(at: number): number {
  return (word(at + 4) | 0) * WORD + word(at) + word(at + 8) / 1e9;
}

function decodeAnswer(): FileStatus {
  const mode = word(28) & 0xffff;
  return {
    type: mode & constants.S_IFMT,
    mode: mode & 0o7777,
    uid: word(20),
    gid: word(24),
    links: word(16),
    size: word(44) * WORD + word(40),
    storedBytes: (word(52) * WORD + word(48)) * 512,
    mtime: { seconds: (word(116) | 0) * WORD + word(112), nanoseconds: word(120) },
    isTimeFresh: Math.abs(secondsAt(96) - secondsAt(112)) < FRESH_SECONDS,
    names: { major: word(128), minor: word(132) },
    device: { major: word(136), minor: word(140) },
    inodeHigh: word(36),
    inodeLow: word(32),
    isMountPoint: (word(8) & STATX_ATTR_MOUNT_ROOT) !== 0,
  };
}

function fromStats(stats: BigIntStats): FileStatus {
  const nanoseconds = ((stats.mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return {
    type: Number(stats.mode) & constants.S_IFMT,
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    links: Number(stats.nlink),
    size: Number(stats.size),
    storedBytes: Number(stats.blocks) * 512,
    mtime: {
      seconds: Number((stats.mtimeNs - nanoseconds) / 1_000_000_000n),
      nanoseconds: Number(nanoseconds),
    },
    isTimeFresh: Math.abs(Number(stats.ctimeNs - stats.mtimeNs)) < FRESH_SECONDS * 1e9,
    names: decodeDevice(stats.rdev),
    device: decodeDevice(stats.dev),
    inodeHigh: Number((stats.ino >> 32n) & 0xffff_ffffn),
    inodeLow: Number(stats.ino & 0xffff_ffffn),
    isMountPoint: false,
  };
}
