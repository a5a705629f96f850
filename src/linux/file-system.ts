import { closeSync, openSync, realpathSync, statfsSync } from "node:fs";
import { type ByteString, fromBuffer, toBuffer } from "../base/index.ts";
import { assertLinux, errnoError, libc, libcFunctionAsync } from "./libc.ts";
import { mountOf } from "./mount-table.ts";

/** The file system at a path. */
export interface FileSystemFacts {
  /** As the mount table calls it: `ext4`, `tmpfs`, `overlay`, `fuse.sshfs`; empty when the mount cannot be seen. */
  readonly type: ByteString;
  readonly totalBytes: number;
  /** What this user may still fill. */
  readonly freeBytes: number;
  /** Undefined where files are not counted (btrfs). */
  readonly freeInodes: number | undefined;
  /** The mount or the whole file system is read-only. */
  readonly isReadOnly: boolean;
}

const callSyncfs = libcFunctionAsync<[number]>("int syncfs(int fd)");

/** What the file system at a path is and how much is free; links are followed. @throws an errno error as Node's: `ENOENT` … */
export function fileSystemOf(path: ByteString): FileSystemFacts {
  const mount = mountOf(fromBuffer(realpathSync.native(toBuffer(path), "buffer")));
  const { bsize, blocks, bavail, files, ffree } = statfsSync(toBuffer(path));
  return {
    type: mount?.type ?? "",
    totalBytes: blocks * bsize,
    freeBytes: bavail * bsize,
    freeInodes: files === 0 ? undefined : ffree,
    isReadOnly: mount !== undefined && [...mount.options, ...mount.superOptions].includes("ro"),
  };
}

/**
 * Brings everything of the file system at a path to its disk (syncfs(2)), off this thread: one call instead of an fsync
 * for each of thousands of files. @throws an errno error as Node's: `ENOENT`, `EIO` …
 */
export async function syncFileSystem(path: ByteString): Promise<void> {
  assertLinux();
  const fd = openSync(toBuffer(path), "r");
  try {
    if ((await callSyncfs(fd)) < 0) throw errnoError("syncfs", libc().errno(), path);
  } finally {
    closeSync(fd);
  }
}
