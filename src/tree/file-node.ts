import type { ByteString, FileTime } from "../base/index.ts";

/** What a file is, once it has a place in a tree: a hardlink is a second name there, not a type. */
export type FileType = "file" | "directory" | "symlink" | "char" | "block" | "fifo";

/** A device's numbers. */
export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** Everything but the content that a file system knows about a file. */
export interface FileNode {
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky: 0–0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 for everything but files; the length of the target for symlinks. */
  readonly size: number;
  readonly mtime: FileTime;
  /** Number of names. */
  readonly nlink: number;
  /** Equal for two names of one file; unique within one tree. */
  readonly inode: number;
  /** Of `char` and `block`; zeros for the others. */
  readonly device: DeviceNumber;
  /** Of `symlink`, as stored; empty for the others. */
  readonly linkTarget: ByteString;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
}

/** A node and where it is. */
export interface PlacedNode {
  /** Clean path from the root, without leading slash; `""` is the root. */
  readonly path: ByteString;
  readonly node: FileNode;
}

/** The type bits of `st_mode` (inode(7)). */
export const TYPE_BITS: Readonly<Record<FileType, number>> = {
  fifo: 0o010000,
  char: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
};
