import { chmodSync, closeSync, constants, readFileSync } from "node:fs";
import { constants as system } from "node:os";
import { type ByteString, type FileTime, fromText } from "../base/index.ts";
import { assertDone, cString, errnoError, libc, libcFunction } from "./libc.ts";
import { writeXattr } from "./xattr.ts";

const AT_SYMLINK_NOFOLLOW = 0x100;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const { ENODATA } = system.errno;

const openat = libcFunction<[directory: number, name: Buffer, flags: number, mode: number]>(
  "int openat(int directory, const void *name, int flags, uint32_t mode)",
);
const fchown = libcFunction<[fd: number, uid: number, gid: number]>("int fchown(int fd, uint32_t uid, uint32_t gid)");
const fchownat = libcFunction<[directory: number, name: Buffer, uid: number, gid: number, flags: number]>(
  "int fchownat(int directory, const void *name, uint32_t uid, uint32_t gid, int flags)",
);
const fchmod = libcFunction<[fd: number, mode: number]>("int fchmod(int fd, uint32_t mode)");
const futimens = libcFunction<[fd: number, times: Int32Array]>("int futimens(int fd, const void *times)");
const utimensat = libcFunction<[directory: number, name: Buffer, times: Int32Array, flags: number]>(
  "int utimensat(int directory, const void *name, const void *times, int flags)",
);
const fsetxattr = libcFunction<[fd: number, name: Buffer, value: Uint8Array, size: number, flags: number]>(
  "int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)",
);
const fremovexattr = libcFunction<[fd: number, name: Buffer]>("int fremovexattr(int fd, const void *name)");
const geteuid = libcFunction<[]>("uint32_t geteuid()");
const getegid = libcFunction<[]>("uint32_t getegid()");

/** Who makes files, and what of their modes is taken away. */
export interface FileMaker {
  readonly uid: number;
  readonly gid: number;
  readonly umask: number;
}

/** The effective user and group of this process, and its umask (all bits where it cannot be read). */
export function fileMaker(): FileMaker {
  return { uid: geteuid(), gid: getegid(), umask: readUmask() };
}

function readUmask(): number {
  try {
    const found = /^Umask:\s*([0-7]+)$/m.exec(readFileSync("/proc/self/status", "latin1"));
    return Number.parseInt(found?.[1] ?? "777", 8);
  } catch {
    return 0o777;
  }
}

/** Sets owner and group of an open file. Clears setuid bits and capabilities. @throws an errno error: `EPERM` … */
export function setOwner(fd: number, uid: number, gid: number): void {
  assertDone(fchown(fd, uid, gid), "fchown", "");
}

/** {@link setOwner} by name; of a symlink the link's own. */
export function setOwnerAt(directory: number, name: ByteString, { uid, gid }: { uid: number; gid: number }): void {
  assertDone(fchownat(directory, cString(name), uid, gid, AT_SYMLINK_NOFOLLOW), "fchownat", name);
}

/** Sets all twelve permission bits of an open file; the umask does not matter. @throws an errno error */
export function setMode(fd: number, mode: number): void {
  assertDone(fchmod(fd, mode), "fchmod", "");
}

/** {@link setMode} of a device or pipe by name. A symlink that has come there is not followed but refused: `EOPNOTSUPP`. */
export function setModeAt(directory: number, name: ByteString, mode: number): void {
  const fd = openat(directory, cString(name), O_PATH | constants.O_NOFOLLOW | O_CLOEXEC, 0);
  assertDone(fd, "openat", name);
  try {
    chmodSync(`/proc/self/fd/${fd}`, mode);
  } finally {
    closeSync(fd);
  }
}

/** Sets both times of an open file to one, to the nanosecond. @throws an errno error */
export function setTimes(fd: number, time: FileTime): void {
  assertDone(futimens(fd, encodeTimes(time)), "futimens", "");
}

/** {@link setTimes} by name; of a symlink the link's own. */
export function setTimesAt(directory: number, name: ByteString, time: FileTime): void {
  assertDone(utimensat(directory, cString(name), encodeTimes(time), AT_SYMLINK_NOFOLLOW), "utimensat", name);
}

/** Two timespecs of 64-bit fields. Calls are synchronous, so one buffer serves all of them. */
const timespecs = new Int32Array(8);
const WORD = 2 ** 32;

function encodeTimes({ seconds, nanoseconds }: FileTime): Int32Array {
  // Little endian, as every Linux that Node runs on here; FFI with 64-bit integers would need bigints.
  for (const at of [0, 4]) {
    timespecs[at] = seconds | 0;
    timespecs[at + 1] = Math.floor(seconds / WORD);
    timespecs[at + 2] = nanoseconds;
    timespecs[at + 3] = 0;
  }
  return timespecs;
}

/** FFI wants a pointer even to nothing. */
const NOTHING = new Uint8Array(1);

/** Sets an extended attribute of an open file. @throws an errno error: `ENOTSUP`, `EPERM`, `ENOSPC` … */
export function setXattr(fd: number, name: ByteString, value: Uint8Array): void {
  const bytes = value.length === 0 ? NOTHING : value;
  assertDone(fsetxattr(fd, cString(name), bytes, value.length, 0), "fsetxattr", name);
}

/** {@link setXattr} by name, for what cannot be opened: symlinks (never followed), devices, pipes. */
export function setXattrAt(
  directory: number,
  name: ByteString,
  { name: attribute, value }: { readonly name: ByteString; readonly value: Uint8Array },
): void {
  writeXattr(`${fromText(`/proc/self/fd/${directory}`)}/${name}`, attribute, value);
}

/** Removes an extended attribute of an open file; one that is not there is none. @throws an errno error */
export function removeXattr(fd: number, name: ByteString): void {
  if (fremovexattr(fd, cString(name)) === 0) return;
  const errno = libc().errno();
  if (errno !== ENODATA) throw errnoError("fremovexattr", errno, name);
}
