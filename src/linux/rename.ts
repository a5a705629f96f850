import { existsSync, renameSync } from "node:fs";
import { constants } from "node:os";
import { type ByteString, toBuffer } from "../base/index.ts";
import { cString, errnoError, isLinux, libc } from "./libc.ts";

const AT_FDCWD = -100;
const RENAME_NOREPLACE = 1;
const { EEXIST, EINVAL, ENOSYS } = constants.errno;

/**
 * Renames a file unless something has the new name: false, and nothing happened. Atomic on Linux (renameat2), save on the
 * few file systems that cannot; there and elsewhere it looks first, and of two that rename at once the later one wins.
 * @throws an errno error as Node's: `ENOENT`, `EXDEV` …
 */
export function renameUnlessExists(from: ByteString, to: ByteString): boolean {
  if (!isLinux()) return lookAndRename(from, to);
  if (libc().renameat2(AT_FDCWD, cString(from), AT_FDCWD, cString(to), RENAME_NOREPLACE) === 0) return true;
  const errno = libc().errno();
  if (errno === EEXIST) return false;
  if (errno === EINVAL || errno === ENOSYS) return lookAndRename(from, to);
  throw errnoError("rename", errno, from);
}

function lookAndRename(from: ByteString, to: ByteString): boolean {
  if (existsSync(toBuffer(to))) return false;
  renameSync(toBuffer(from), toBuffer(to));
  return true;
}
