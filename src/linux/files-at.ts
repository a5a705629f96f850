import { closeSync, constants, readdirSync } from "node:fs";
import { constants as system } from "node:os";
import { type ByteString, fromBuffer } from "../base/index.ts";
import { assertDone, cString, errnoError, libc, libcFunction, pathBuffer } from "./libc.ts";
import { encodeDevice, type SpecialFile } from "./special-file.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, O_RDONLY, O_DIRECTORY } = constants;
const O_CLOEXEC = 0o2000000;
const AT_REMOVEDIR = 0x200;
const TYPE_BITS = { char: constants.S_IFCHR, block: constants.S_IFBLK, fifo: constants.S_IFIFO } as const;
const { EISDIR, ENOENT, EPERM } = system.errno;
/** A directory is emptied through this many open ones at most; deeper ones are first moved up. */
const DEEPEST = 100;

const openat = libcFunction<[directory: number, name: Buffer, flags: number, mode: number]>(
  "int openat(int directory, const void *name, int flags, uint32_t mode)",
);
const mkdirat = libcFunction<[directory: number, name: Buffer, mode: number]>(
  "int mkdirat(int directory, const void *name, uint32_t mode)",
);
const symlinkat = libcFunction<[target: Buffer, directory: number, name: Buffer]>(
  "int symlinkat(const void *target, int directory, const void *name)",
);
const linkat = libcFunction<[fromDirectory: number, from: Buffer, directory: number, name: Buffer, flags: number]>(
  "int linkat(int fromDirectory, const void *from, int directory, const void *name, int flags)",
);
const mknodat = libcFunction<[directory: number, name: Buffer, mode: number, device: bigint]>(
  "int mknodat(int directory, const void *name, uint32_t mode, uint64_t device)",
);
const unlinkat = libcFunction<[directory: number, name: Buffer, flags: number]>(
  "int unlinkat(int directory, const void *name, int flags)",
);

/** A name in an open directory: one component, never a path. */
export interface NameAt {
  readonly directory: number;
  readonly name: ByteString;
}

/**
 * Creates a file that was not there, for writing.
 * @param mode permission bits, to which the process's umask applies
 * @returns a file descriptor, for the caller to close
 * @throws an errno error as Node's: `EEXIST` whatever has the name, a symlink too
 */
export function createFileAt(directory: number, name: ByteString, mode: number): number {
  const fd = openat(directory, cString(name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  assertDone(fd, "openat", name);
  return fd;
}

/** Opens a directory by its name in another; a symlink is not followed. @throws an errno error: `ELOOP`, `ENOTDIR` … */
export function openDirectoryAt(directory: number, name: ByteString): number {
  const fd = openat(directory, cString(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  assertDone(fd, "openat", name);
  return fd;
}

/**
 * Opens a file for reading by its name in a directory; a symlink is not followed, a pipe not waited for: whoever wants a regular
 * file asks what came. @throws an errno error: `ELOOP`, `ENOENT` …
 */
export function openFileAt(directory: number, name: ByteString): number {
  const flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | constants.O_NONBLOCK | constants.O_NOCTTY;
  const fd = openat(directory, pathBuffer(name), flags, 0);
  assertDone(fd, "openat", name);
  return fd;
}

/** Makes a directory. @param mode permission bits, to which the umask applies @throws an errno error: `EEXIST` … */
export function makeDirectoryAt(directory: number, name: ByteString, mode: number): void {
  assertDone(mkdirat(directory, cString(name), mode), "mkdirat", name);
}

/** Makes a symlink. @throws an errno error: `EEXIST`, `ENOENT` for an empty target … */
export function makeSymlinkAt(directory: number, name: ByteString, target: ByteString): void {
  assertDone(symlinkat(cString(target), directory, cString(name)), "symlinkat", name);
}

/** Gives a file one more name; of a symlink the link itself. @throws an errno error: `EEXIST`, `EMLINK` … */
export function makeLinkAt(existing: NameAt, directory: number, name: ByteString): void {
  const done = linkat(existing.directory, cString(existing.name), directory, cString(name), 0);
  assertDone(done, "linkat", name);
}

/** Makes a device or a pipe. @throws an errno error: `EEXIST`, `EPERM` … */
export function makeSpecialFileAt(
  directory: number,
  name: ByteString,
  { type, mode, major = 0, minor = 0 }: SpecialFile,
): void {
  const done = mknodat(directory, cString(name), TYPE_BITS[type] | mode, encodeDevice(major, minor));
  assertDone(done, "mknodat", name);
}

/** Removes a name that is no directory's. @throws an errno error: `ENOENT`, `EISDIR` … */
export function unlinkAt(directory: number, name: ByteString): void {
  assertDone(unlinkat(directory, cString(name), 0), "unlinkat", name);
}

/** Removes an empty directory. @throws an errno error: `ENOTEMPTY` … */
export function removeDirectoryAt(directory: number, name: ByteString): void {
  assertDone(unlinkat(directory, cString(name), AT_REMOVEDIR), "unlinkat", name);
}

/** The names in an open directory, in no order. */
export function namesIn(directory: number): ByteString[] {
  return readdirSync(`/proc/self/fd/${directory}`, { encoding: "buffer" }).map(fromBuffer);
}

/**
 * Removes whatever has a name, a directory with all that is in it; symlinks are removed, not followed. Nothing there is no error.
 * @throws an errno error as Node's; then a part may be gone
 */
export function removeTreeAt(directory: number, name: ByteString): void {
  const moved: ByteString[] = [name];
  for (let next = moved.pop(); next !== undefined; next = moved.pop()) {
    removeTree({ directory, name: next }, 0, { directory, moved });
  }
}

/** Where directories are moved to that lie too deep, to be removed later: neither open files nor the stack grow with depth. */
interface Upward {
  readonly directory: number;
  readonly moved: ByteString[];
}

function removeTree({ directory, name }: NameAt, depth: number, up: Upward): void {
  if (unlinkIfFile(directory, name)) return;
  const inside = openDirectoryAt(directory, name);
  try {
    for (const child of namesIn(inside)) removeBelow({ directory: inside, name: child }, depth + 1, up);
  } finally {
    closeSync(inside);
  }
  removeDirectoryAt(directory, name);
}

function removeBelow(child: NameAt, depth: number, up: Upward): void {
  if (depth < DEEPEST) {
    removeTree(child, depth, up);
    return;
  }
  if (unlinkIfFile(child.directory, child.name)) return;
  const name = freeName(up.directory);
  renameAt(child, { directory: up.directory, name });
  up.moved.push(name);
}

let deepDirectories = 0;

function freeName(directory: number): ByteString {
  const taken = new Set(namesIn(directory));
  for (;;) {
    const name = `.strata-deep-${++deepDirectories}`;
    if (!taken.has(name)) return name;
  }
}

/** False when it is a directory, which stays. */
function unlinkIfFile(directory: number, name: ByteString): boolean {
  if (unlinkat(directory, cString(name), 0) === 0) return true;
  const errno = libc().errno();
  if (errno === ENOENT) return true;
  // POSIX wants EPERM for a directory, Linux says EISDIR; what EPERM else means shows when it is opened.
  if (errno === EISDIR || errno === EPERM) return false;
  throw errnoError("unlinkat", errno, name);
}

/** Renames within a file system; whatever has the new name is replaced. @throws an errno error as Node's */
export function renameAt(from: NameAt, to: NameAt): void {
  const done = libc().renameat2(from.directory, cString(from.name), to.directory, cString(to.name), 0);
  assertDone(done, "renameat2", from.name);
}
