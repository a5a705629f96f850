import { closeSync, constants, openSync } from "node:fs";
import { constants as system } from "node:os";
import { type ByteString, toBuffer } from "../base/index.ts";
import { cString, errnoError, libc, libcFunction } from "./libc.ts";

const { ENOSYS, EPERM, EINTR, EAGAIN } = system.errno;
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
const O_CLOEXEC = 0o2000000;
const OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
/** The number of openat2(2), the same on all architectures. */
const OPENAT2 = 437;
const RESOLVE_NO_MAGICLINKS = 2n;
const RESOLVE_NO_SYMLINKS = 4n;
const RESOLVE_BENEATH = 8n;
const RESOLVE_IN_ROOT = 16n;
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
/** PATH_MAX is 4096, the NUL included. */
const LONGEST_PATH = 4000;
/** How often openat2 is asked again when something was renamed meanwhile. */
const RETRIES = 100;

const openat2 = libcFunction<[number: number, directory: number, path: Buffer, how: BigUint64Array, size: number]>(
  "int64_t syscall(int64_t number, int64_t directory, const void *path, const void *how, size_t size)",
);
const openat = libcFunction<[directory: number, path: Buffer, flags: number, mode: number]>(
  "int openat(int directory, const void *path, int flags, uint32_t mode)",
);

let hasOpenat2: boolean | undefined;

/**
 * Opens a directory of the host by its path, to be the root of what follows. Symlinks that the user names are followed.
 * @returns a file descriptor, for the caller to close
 * @throws an errno error as Node's: `ENOENT`, `ENOTDIR` …
 */
export function openDirectory(path: string): number {
  return openSync(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/**
 * Opens a directory below an open one. No symlink is followed anywhere, nothing leads above `root`, whoever renames what meanwhile;
 * the path may be longer than PATH_MAX.
 *
 * @param path clean, without a leading slash; `""` opens the root once more
 * @returns a file descriptor, for the caller to close
 * @throws an errno error as Node's: `ELOOP` or `ENOTDIR` for a symlink on the way, `EXDEV` for `..` above the root
 */
export function openDirectoryBeneath(root: number, path: ByteString): number {
  if (path === "") return openComponents(root, ["."], path);
  if (path.length > LONGEST_PATH) return openLongPath(root, path);
  const opened = tryOpenat2(root, path, { flags: OPEN_DIRECTORY, resolve: BENEATH });
  return opened ?? openComponents(root, path.split("/"), path);
}

/**
 * Opens a file for reading as a process would whose root directory `root` is: symlinks are followed inside, absolute ones
 * and `..` too, and none leads out (RESOLVE_IN_ROOT).
 *
 * @returns a file descriptor, for the caller to close
 * @throws an errno error as Node's; `ENOSYS` where the kernel is older than 5.6
 */
export function openInRoot(root: number, path: ByteString): number {
  const flags = O_RDONLY | O_CLOEXEC | constants.O_NONBLOCK | constants.O_NOCTTY;
  const opened = tryOpenat2(root, path, { flags, resolve: IN_ROOT });
  if (opened === undefined) throw errnoError("openat2", ENOSYS, path);
  return opened;
}

/**
 * Opens a file for reading below an open directory, under the promises of {@link openDirectoryBeneath}. A pipe is not waited
 * for: whoever wants a regular file asks what came.
 *
 * @returns a file descriptor, for the caller to close
 * @throws an errno error as Node's: `ELOOP` or `ENOTDIR` for a symlink on the way or at the end
 */
export function openFileBeneath(root: number, path: ByteString): number {
  const flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | constants.O_NONBLOCK | constants.O_NOCTTY;
  const opened = path.length > LONGEST_PATH ? undefined : tryOpenat2(root, path, { flags, resolve: BENEATH });
  if (opened !== undefined) return opened;
  const slash = path.lastIndexOf("/");
  const directory = openDirectoryBeneath(root, path.slice(0, Math.max(0, slash)));
  try {
    const fd = openat(directory, cString(path.slice(slash + 1)), flags, 0);
    if (fd < 0) throw errnoError("openat", libc().errno(), path);
    return fd;
  } finally {
    closeSync(directory);
  }
}

/** Undefined where the kernel, or a filter in front of it, has no such call. */
function tryOpenat2(
  root: number,
  path: ByteString,
  how: { readonly flags: number; readonly resolve: bigint },
): number | undefined {
  if (hasOpenat2 === false) return undefined;
  const name = cString(path);
  const record = BigUint64Array.of(BigInt(how.flags), 0n, how.resolve);
  for (let attempt = 0; ; attempt++) {
    const fd = openat2(OPENAT2, root, name, record, record.byteLength);
    if (fd >= 0) {
      hasOpenat2 = true;
      return fd;
    }
    const errno = libc().errno();
    if ((errno === EAGAIN || errno === EINTR) && attempt < RETRIES) continue;
    // Filters for system calls that know no openat2 say EPERM; a kernel that has opened something with it means it.
    if (errno !== ENOSYS && !(errno === EPERM && hasOpenat2 === undefined)) throw errnoError("openat2", errno, path);
    hasOpenat2 = false;
    return undefined;
  }
}

/** In parts that the kernel takes, each beneath the one before. */
function openLongPath(root: number, path: ByteString): number {
  let at = root;
  for (let rest = path; rest !== ""; ) {
    const end = rest.length <= LONGEST_PATH ? rest.length : rest.lastIndexOf("/", LONGEST_PATH);
    if (end <= 0) throw errnoError("openat2", system.errno.ENAMETOOLONG, path);
    try {
      const next = openDirectoryBeneath(at, rest.slice(0, end));
      rest = rest.slice(end + 1);
      if (at !== root) closeSync(at);
      at = next;
    } catch (error) {
      if (at !== root) closeSync(at);
      throw error;
    }
  }
  return at;
}

/** Name by name, each opened in the directory before it and never followed: what openat2 does at once. */
function openComponents(root: number, names: readonly ByteString[], path: ByteString): number {
  let at = root;
  for (const name of names) {
    if (name === "..") {
      if (at !== root) closeSync(at);
      throw errnoError("openat", system.errno.EXDEV, path);
    }
    const next = openat(at, toBuffer(`${name}\0`), OPEN_DIRECTORY, 0);
    const errno = next < 0 ? libc().errno() : 0;
    if (at !== root) closeSync(at);
    if (next < 0) throw errnoError("openat", errno, path);
    at = next;
  }
  return at;
}

/** {@link openDirectoryBeneath} as it works without openat2, whatever this kernel has. */
export function openDirectoryByComponents(root: number, path: ByteString): number {
  return openComponents(root, path === "" ? ["."] : path.split("/"), path);
}
