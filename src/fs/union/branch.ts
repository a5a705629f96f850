import { type ByteString, fromBuffer, fromText, isUtf8, toBuffer, toText } from "../../base/index.ts";
import type { SparseRun } from "../../tar/index.ts";
import type { FileType } from "../../tree/index.ts";
import { constants } from "../constants.ts";
import { type FileFacts, factsOf } from "../file-stats.ts";
import type { DirentLike, FsPath, ReadFsLike, StatsLike } from "../fs-like.ts";

/** One file system of a union, with clean paths in and normal forms out. */
export interface Branch {
  readonly fs: ReadFsLike;
  /** Undefined when there is no such file. */
  facts(path: ByteString): Promise<FileFacts | undefined>;
  /** What a directory holds, markers too, in any order. */
  list(path: ByteString): Promise<Map<ByteString, FileType>>;
  readLink(path: ByteString): Promise<ByteString>;
  xattrs(path: ByteString): Promise<Map<string, Uint8Array>>;
  /** As of {@link ReadFsLike}. */
  dataRuns(path: ByteString): Promise<readonly SparseRun[] | undefined>;
}

/** A clean path as a file system below takes it. */
export function fsPath(path: ByteString): FsPath {
  return isUtf8(path) ? `/${toText(path)}` : toBuffer(`/${path}`);
}

export function branchOf(fs: ReadFsLike): Branch {
  return {
    fs,
    facts: (path) => readFacts(fs, path),
    list: async (path) => {
      const dirents = await fs.readdir(fsPath(path), { withFileTypes: true, encoding: "buffer" });
      return new Map((dirents as DirentLike[]).map((dirent) => [bytesOf(dirent.name), typeOf(dirent)]));
    },
    readLink: async (path) => bytesOf(await fs.readlink(fsPath(path), { encoding: "buffer" })),
    xattrs: (path) => readXattrs(fs, path),
    dataRuns: async (path) => await fs.dataRuns?.(fsPath(path)),
  };
}

async function readFacts(fs: ReadFsLike, path: ByteString): Promise<FileFacts | undefined> {
  try {
    const stats = await fs.lstat(fsPath(path), { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? undefined : asOnLinux(factsOf(stats as StatsLike));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A marker's name may be too long for a file system that holds the name itself.
    if (code === "ENOENT" || code === "ENAMETOOLONG") return undefined;
    throw error;
  }
}

/** Symlinks have no permissions of their own; not every file system of other makers knows. */
function asOnLinux(facts: FileFacts): FileFacts {
  const isLink = (facts.mode & constants.S_IFMT) === constants.S_IFLNK;
  return isLink ? { ...facts, mode: constants.S_IFLNK | 0o777 } : facts;
}

async function readXattrs(fs: ReadFsLike, path: ByteString): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const names = await fs.listxattr?.(fsPath(path), { followSymlinks: false });
  for (const name of names ?? []) {
    const value = await fs.getxattr?.(fsPath(path), name, { followSymlinks: false });
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

function bytesOf(name: unknown): ByteString {
  return typeof name === "string" ? fromText(name) : fromBuffer(name as Uint8Array);
}

function typeOf(dirent: DirentLike): FileType {
  if (dirent.isFile()) return "file";
  if (dirent.isDirectory()) return "directory";
  if (dirent.isSymbolicLink()) return "symlink";
  if (dirent.isCharacterDevice()) return "char";
  return dirent.isBlockDevice() ? "block" : "fifo";
}
