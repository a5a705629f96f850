import type { ByteString, FileTime } from "../base/index.ts";

/** What an archive entry is. `hardlink` names another entry; all others stand for themselves. */
export type EntryType = "file" | "hardlink" | "symlink" | "char" | "block" | "directory" | "fifo";

/** A run of real data in a sparse file; everything between runs reads as zeros. */
export interface SparseRun {
  /** Offset in the file as its reader sees it. */
  readonly offset: number;
  readonly length: number;
}

/** The header of one entry after all its extensions (PAX, GNU) were merged: what the archive says, unjudged. */
export interface TarEntry {
  /** Name as stored, byte-exact, not cleaned: `./a`, `/a`, `a/` and `../a` all occur. */
  readonly name: ByteString;
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky (0–0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly uname: ByteString;
  readonly gname: ByteString;
  /** Length of the file as its reader sees it (for a sparse file: with the holes). 0 for all types but `file`. */
  readonly size: number;
  readonly mtime: FileTime;
  readonly atime?: FileTime | undefined;
  readonly ctime?: FileTime | undefined;
  /** Target of a `symlink` (as stored) or `hardlink` (an entry name); empty for the others. */
  readonly linkName: ByteString;
  /** Numbers of a `char` or `block` device, else 0. */
  readonly devMajor: number;
  readonly devMinor: number;
  /** Extended attributes, full name (`user.x`, `security.capability`) to value; absent when there are none. */
  readonly xattrs?: ReadonlyMap<ByteString, Uint8Array> | undefined;
  /** Present on sparse files: the runs of data, ascending, not overlapping; their lengths add up to the stored data. */
  readonly sparse?: readonly SparseRun[] | undefined;
  /** Offset of the entry's first header block, its extension headers included. */
  readonly headerOffset: number;
  /** Offset of the first byte of file data in the archive. */
  readonly dataOffset: number;
  /** Bytes of file data in the archive, without padding: equals `size` unless the file is sparse. */
  readonly storedSize: number;
}
