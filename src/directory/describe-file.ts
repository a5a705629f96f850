import { constants, readdirSync, readlinkSync } from "node:fs";
import { type ByteString, fromBuffer, toBuffer } from "../base/index.ts";
import { type FileStatus, readXattrs } from "../linux/index.ts";
import { type EntryType, looseEntry, type TarEntry } from "../tar/index.ts";

const TYPES: ReadonlyMap<number, EntryType> = new Map([
  [constants.S_IFDIR, "directory"],
  [constants.S_IFREG, "file"],
  [constants.S_IFLNK, "symlink"],
  [constants.S_IFCHR, "char"],
  [constants.S_IFBLK, "block"],
  [constants.S_IFIFO, "fifo"],
]);

/** What a layer calls a file of such a status; undefined for a socket. */
export function entryTypeOf({ type }: FileStatus): EntryType | undefined {
  return TYPES.get(type);
}

/**
 * The file at a path as a layer tells of it, under that name; undefined for a socket.
 * @throws an errno error as Node's, when it is gone meanwhile (`ENOENT`), or is something else (`EINVAL`)
 */
export function describeFile(path: ByteString, name: ByteString, status: FileStatus): TarEntry | undefined {
  const type = entryTypeOf(status);
  if (type === undefined) return undefined;
  const linkName = type === "symlink" ? fromBuffer(readlinkSync(toBuffer(path), { encoding: "buffer" })) : "";
  return entryOfStatus(name, type, { status, linkName, xattrs: readXattrs(path) });
}

/** One more name of a file. */
export function describeLink(name: ByteString, target: ByteString, status: FileStatus): TarEntry {
  return entryOfStatus(name, "hardlink", { status, linkName: target });
}

/** The names in a directory, in the order of their bytes. @throws an errno error as Node's */
export function namesInOrder(path: ByteString): ByteString[] {
  // Byte strings at once: a buffer for each name costs more than the names.
  return readdirSync(toBuffer(path), { encoding: "latin1" }).sort((a, b) => (a < b ? -1 : 1));
}

/** What the kernel tells of a file, and what else an entry of it has. */
export interface DescribedFile extends Pick<Partial<TarEntry>, "linkName" | "xattrs" | "dataOffset"> {
  readonly status: FileStatus;
}

/** The entry that a file of this machine is; offsets mean nothing outside of a tar. */
export function entryOfStatus(name: ByteString, type: EntryType, file: DescribedFile): TarEntry {
  const { mode, uid, gid, size, mtime, names } = file.status;
  const isDevice = type === "char" || type === "block";
  // Field by field: to put objects together takes longer than to ask the kernel.
  return looseEntry(name, type, {
    mode,
    uid,
    gid,
    size,
    mtime,
    devMajor: isDevice ? names.major : 0,
    devMinor: isDevice ? names.minor : 0,
    linkName: file.linkName ?? "",
    xattrs: file.xattrs,
    dataOffset: file.dataOffset ?? 0,
  });
}
