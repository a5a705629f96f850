import { constants, readdirSync, readlinkSync } from "node:fs";
import { type ByteString, fromBuffer, toBuffer } from "../base/index.ts";
import { type FileStatus, readXattrs } from "../linux/index.ts";
import type { EntryType, TarEntry } from "../tar/index.ts";

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
  const entry = entryOfStatus(name, type, status);
  const xattrs = readXattrs(path);
  if (xattrs.size > 0) return { ...entry, linkName, xattrs };
  return type === "symlink" ? { ...entry, linkName } : entry;
}

/** One more name of a file. */
export function describeLink(name: ByteString, target: ByteString, status: FileStatus): TarEntry {
  return { ...entryOfStatus(name, "hardlink", status), linkName: target };
}

/** The names in a directory, in the order of their bytes. @throws an errno error as Node's */
export function namesInOrder(path: ByteString): ByteString[] {
  return readdirSync(toBuffer(path), { encoding: "buffer" })
    .map(fromBuffer)
    .sort((a, b) => (a < b ? -1 : 1));
}

/** What all types have; offsets mean nothing outside of a tar. */
function entryOfStatus(name: ByteString, type: EntryType, status: FileStatus): TarEntry {
  const { mode, uid, gid, mtime, names } = status;
  const size = type === "file" ? status.size : 0;
  const isDevice = type === "char" || type === "block";
  return {
    name,
    type,
    mode,
    uid,
    gid,
    uname: "",
    gname: "",
    size,
    storedSize: size,
    mtime,
    linkName: "",
    devMajor: isDevice ? names.major : 0,
    devMinor: isDevice ? names.minor : 0,
    headerOffset: 0,
    dataOffset: 0,
  };
}
