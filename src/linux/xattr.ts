import { constants } from "node:os";
import { type ByteString, fromBuffer } from "../base/index.ts";
import { assertDone, cString, errnoError, isLinux, libc, libcFunction, pathBuffer } from "./libc.ts";

const flistxattr = libcFunction<[fd: number, list: Buffer, size: number]>(
  "int64_t flistxattr(int fd, void *list, size_t size)",
);
const fgetxattr = libcFunction<[fd: number, name: Buffer, value: Buffer, size: number]>(
  "int64_t fgetxattr(int fd, const void *name, void *value, size_t size)",
);

/** XATTR_LIST_MAX and XATTR_SIZE_MAX of the kernel: no answer is longer. */
const LARGEST = 65_536;
/** For the names of nearly all files: the kernel sets as much memory aside for each answer as it is told there is room. */
const USUAL = 1024;
const { ENODATA, ENOENT, ENOTSUP, EOPNOTSUPP, EPERM, EACCES, ERANGE } = constants.errno;
/** No attribute, no file any more, a file system without them, or one that shows them to its owner only. */
const NOTHING_THERE = new Set<number>([ENODATA, ENOENT, ENOTSUP, EOPNOTSUPP, EPERM, EACCES]);
const NO_NAMES: readonly ByteString[] = [];
const NONE: ReadonlyMap<ByteString, Uint8Array> = new Map();

/** Calls are synchronous, so one buffer serves all of them. */
const answer = Buffer.alloc(LARGEST);

/**
 * The extended attributes of a file itself (links are not followed), by full name: `security.capability`, `user.x`.
 * Empty on systems other than Linux and on file systems that have none; attributes that we may not read are left out.
 * @throws an errno error as Node's, for everything else
 */
export function readXattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array> {
  return valuesOf(xattrNames(path), (name) => readXattr(path, name));
}

/** {@link readXattrs} of an open file, on Linux. */
export function xattrsOfOpen(fd: number): ReadonlyMap<ByteString, Uint8Array> {
  const length = listed((size) => flistxattr(fd, answer, size));
  if (length === 0) return NONE;
  return valuesOf(namesOf(taken(length, "flistxattr", "")), (name) =>
    taken(fgetxattr(fd, cString(name), answer, LARGEST), "fgetxattr", ""),
  );
}

function valuesOf(
  names: readonly ByteString[],
  read: (name: ByteString) => Uint8Array | undefined,
): ReadonlyMap<ByteString, Uint8Array> {
  if (names.length === 0) return NONE;
  const values = new Map<ByteString, Uint8Array>();
  for (const name of names) {
    const value = read(name);
    if (value !== undefined) values.set(name, value);
  }
  return values;
}

function namesOf(listed: Uint8Array | undefined): readonly ByteString[] {
  return listed === undefined ? NO_NAMES : fromBuffer(listed).split("\0").slice(0, -1);
}

/** The full names of the attributes that {@link readXattrs} may have. @throws an errno error as Node's */
export function xattrNames(path: ByteString): readonly ByteString[] {
  if (!isLinux()) return NO_NAMES;
  const length = listed((size) => libc().llistxattr(pathBuffer(path), answer, size));
  // Nearly all files have none, and there are many of them.
  if (length === 0) return NO_NAMES;
  return namesOf(taken(length, "llistxattr", path));
}

/** Names of the extended attributes of an open file; none where the file system has none. @throws an errno error */
export function listXattrs(fd: number): readonly ByteString[] {
  const length = listed((size) => flistxattr(fd, answer, size));
  if (length < 0 && libc().errno() === ENOTSUP) return NO_NAMES;
  assertDone(length, "flistxattr", "");
  return namesOf(answer.subarray(0, length));
}

/** Has names listed in {@link answer}; returns their length in bytes, below 0 with an errno. */
function listed(list: (size: number) => number): number {
  const length = list(USUAL);
  return length < 0 && libc().errno() === ERANGE ? list(LARGEST) : length;
}

/** One attribute of a file itself; undefined where {@link readXattrs} does not have it. @throws an errno error as Node's */
export function readXattr(path: ByteString, name: ByteString): Uint8Array | undefined {
  if (!isLinux()) return undefined;
  return taken(libc().lgetxattr(pathBuffer(path), cString(name), answer, LARGEST), "lgetxattr", path);
}

/**
 * Sets an extended attribute of a file itself (links are not followed).
 * @throws an errno error as Node's: `EPERM`, `ENOTSUP`, `ENOSPC`, `ERANGE` …; StrataError `linux-only`
 */
export function writeXattr(path: ByteString, name: ByteString, value: Uint8Array): void {
  // FFI wants a pointer even to nothing.
  const bytes = value.length === 0 ? new Uint8Array(1) : value;
  assertDone(libc().lsetxattr(cString(path), cString(name), bytes, value.length, 0), "lsetxattr", path);
}

function taken(result: number, syscall: string, path: ByteString): Uint8Array | undefined {
  if (result >= 0) return Uint8Array.from(answer.subarray(0, result));
  const errno = libc().errno();
  if (NOTHING_THERE.has(errno)) return undefined;
  throw errnoError(syscall, errno, path);
}
