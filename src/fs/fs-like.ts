import type { ByteSource } from "../base/index.ts";
import type { SparseRun } from "../tar/index.ts";

/** How this room names files to a file system below it: absolute, clean, text where the bytes are UTF-8, else the bytes. */
export type FsPath = string | Buffer;

/** The part of `fs.Stats` or, as it is always asked for with `bigint: true`, of `fs.BigIntStats`. */
export interface StatsLike {
  readonly mode: number | bigint;
  readonly nlink: number | bigint;
  readonly uid: number | bigint;
  readonly gid: number | bigint;
  readonly rdev: number | bigint;
  readonly ino: number | bigint;
  readonly dev: number | bigint;
  readonly size: number | bigint;
  readonly blocks: number | bigint;
  readonly atimeMs: number | bigint;
  readonly mtimeMs: number | bigint;
  readonly ctimeMs: number | bigint;
  readonly birthtimeMs: number | bigint;
  readonly atimeNs?: bigint | undefined;
  readonly mtimeNs?: bigint | undefined;
  readonly ctimeNs?: bigint | undefined;
  readonly birthtimeNs?: bigint | undefined;
}

/** The part of `fs.Dirent`. */
export interface DirentLike {
  readonly name: unknown;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isCharacterDevice(): boolean;
  isBlockDevice(): boolean;
  isFIFO(): boolean;
}

/** The part of `FileHandle` that reads. Positions are always given. */
export interface ReadHandleLike {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  stat(options: { readonly bigint: true }): Promise<StatsLike>;
  close(): Promise<void>;
  /** Only an acceleration: the bytes of a range in order, for sources that are cheaper to read so. */
  chunks?(range: {
    readonly start: number;
    readonly length: number;
    readonly chunkSize: number;
  }): AsyncIterable<Uint8Array>;
}

/** The part of `FileHandle`. */
export interface HandleLike extends ReadHandleLike {
  write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  truncate(length: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  /** Seconds since the epoch. */
  utimes(atime: number, mtime: number): Promise<void>;
  /** Where data can be made durable. */
  sync?(): Promise<void>;
  datasync?(): Promise<void>;
  /** Both in nanoseconds since the epoch. */
  setTimes?(atimeNs: bigint, mtimeNs: bigint): Promise<void>;
}

/**
 * The part of `node:fs/promises` that a file system must have to be the lower of a union: an `ImageFs`, the promises of
 * `memfs`, another union, a real directory seen through `rootedAt`. It is asked about paths that have no symlink on the way,
 * and no function follows one in the last place.
 */
export interface ReadFsLike {
  lstat(path: FsPath, options: { readonly bigint: true; readonly throwIfNoEntry?: false }): Promise<unknown>;
  /** {@link DirentLike} each. */
  readdir(
    path: FsPath,
    options: { readonly withFileTypes: true; readonly encoding: "buffer" },
  ): Promise<readonly unknown[]>;
  readlink(path: FsPath, options: { readonly encoding: "buffer" }): Promise<string | Uint8Array>;
  open(path: FsPath, flags: number): Promise<ReadHandleLike>;
  /** Without these two the files have no extended attributes. Undefined for one that is gone by now, or not ours to read. */
  getxattr?(path: FsPath, name: string, options: { readonly followSymlinks: false }): Promise<Uint8Array | undefined>;
  listxattr?(path: FsPath, options: { readonly followSymlinks: false }): Promise<readonly string[]>;
  /**
   * Where a regular file may have data, ascending; all else are holes, which read as zeros. Undefined for a file that may have
   * data everywhere. Without it no file has holes, and large empty files take the room and time of full ones.
   */
  dataRuns?(path: FsPath): Promise<readonly SparseRun[] | undefined>;
}

/** Bytes that lie somewhere else, unchanged for as long as the file system that refers to them is in use. */
export interface ContentReference {
  readonly size: number;
  /** Where they come from, to compare with. */
  readonly origin: { readonly fs: ReadFsLike; readonly path: string };
  open(): Promise<ByteSource>;
  /** As `dataRuns` of {@link ReadFsLike}. */
  dataRuns?(): Promise<readonly SparseRun[] | undefined>;
}

/**
 * The part of `node:fs/promises` that a file system must have to be the upper of a union. Paths as of {@link ReadFsLike}.
 * What an upper cannot hold is lost at copy-up: extended attributes without `setxattr` or where that says ENOTSUP, parts of a microsecond without
 * `setTimes`. Devices and pipes without `mknod` are refused with ENOTSUP, as is what a caller asks for directly.
 */
export interface FsLike extends ReadFsLike {
  open(path: FsPath, flags: number, mode?: number): Promise<HandleLike>;
  mkdir(path: FsPath, options: { readonly mode: number }): Promise<unknown>;
  symlink(target: FsPath, path: FsPath): Promise<void>;
  link(existingPath: FsPath, newPath: FsPath): Promise<void>;
  rename(oldPath: FsPath, newPath: FsPath): Promise<void>;
  unlink(path: FsPath): Promise<void>;
  rmdir(path: FsPath): Promise<void>;
  /** Never asked of symlinks. */
  chmod(path: FsPath, mode: number): Promise<void>;
  lchown(path: FsPath, uid: number, gid: number): Promise<void>;
  /** Seconds since the epoch. */
  lutimes(path: FsPath, atime: number, mtime: number): Promise<void>;
  setxattr?(path: FsPath, name: string, value: Uint8Array, options: { readonly followSymlinks: false }): Promise<void>;
  removexattr?(path: FsPath, name: string, options: { readonly followSymlinks: false }): Promise<void>;
  /** mknod(2): `mode` with the type bits, `rdev` as `stat` gives it. */
  mknod?(path: FsPath, mode: number, rdev: number): Promise<void>;
  /** Both in nanoseconds since the epoch. */
  setTimes?(path: FsPath, atimeNs: bigint, mtimeNs: bigint): Promise<void>;
  /** Makes a regular file whose bytes are read where they lie until somebody writes to it. */
  writeReference?(path: FsPath, mode: number, content: ContentReference): Promise<void>;
  /** What {@link writeReference} was given, while the file still has exactly that content. */
  referenceOf?(path: FsPath): ContentReference | undefined;
}
