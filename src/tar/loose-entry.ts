import type { ByteString, FileTime } from "../base/index.ts";
import type { EntryType, TarEntry } from "./entry.ts";

/** What an entry may have beside its name and type. */
export type EntryFacts = Partial<Omit<TarEntry, "name" | "type" | "headerOffset" | "storedSize">>;

const EPOCH: FileTime = { seconds: 0, nanoseconds: 0 };
const NO_FACTS: EntryFacts = {};

/**
 * The entry that tells of a file which lies in no tar. What is not given is 0, empty or absent, and the time the epoch; a size that is
 * given to anything but a `file` is 0, and xattrs that are empty are absent.
 * @param path clean; `""` is the root, whose name is `./`
 */
export function looseEntry(path: ByteString, type: EntryType, facts: EntryFacts = NO_FACTS): TarEntry {
  const size = type === "file" ? (facts.size ?? 0) : 0;
  // One shape for all of them: large images have hundreds of thousands.
  return {
    name: path === "" ? "./" : path,
    type,
    mode: facts.mode ?? 0,
    uid: facts.uid ?? 0,
    gid: facts.gid ?? 0,
    uname: facts.uname ?? "",
    gname: facts.gname ?? "",
    size,
    mtime: facts.mtime ?? EPOCH,
    atime: facts.atime,
    ctime: facts.ctime,
    linkName: facts.linkName ?? "",
    devMajor: facts.devMajor ?? 0,
    devMinor: facts.devMinor ?? 0,
    xattrs: facts.xattrs === undefined || facts.xattrs.size === 0 ? undefined : facts.xattrs,
    sparse: facts.sparse,
    headerOffset: 0,
    dataOffset: facts.dataOffset ?? 0,
    storedSize: facts.sparse === undefined ? size : facts.sparse.reduce((sum, { length }) => sum + length, 0),
  };
}
