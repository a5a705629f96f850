import { type ByteString, type FileTime, memorySource } from "../../src/base/index.ts";
import { LayerIndexBuilder, type ListedLayer } from "../../src/layer/index.ts";
import type { EntryType, SparseRun, TarEntry } from "../../src/tar/index.ts";

/** A file of a tree in memory. The same object under several names is one inode with several names. */
export interface MemoryFile {
  readonly type: Exclude<EntryType, "hardlink">;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: FileTime;
  /** Characters are bytes. */
  readonly content: ByteString;
  /** Target of a symlink. */
  readonly target: ByteString;
  readonly device: readonly [major: number, minor: number];
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
  readonly sparse?: readonly SparseRun[] | undefined;
}

/** Files by their clean paths; `""` is the root. */
export type MemoryFiles = ReadonlyMap<ByteString, MemoryFile>;

const BLANK: MemoryFile = {
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: { seconds: 1_600_000_000, nanoseconds: 5 },
  content: "",
  target: "",
  device: [0, 0],
  xattrs: new Map(),
};

/** A regular file. */
export function aFile(content: ByteString, attributes: Partial<MemoryFile> = {}): MemoryFile {
  return { ...BLANK, content, ...attributes };
}

/** A directory. */
export function aDirectory(attributes: Partial<MemoryFile> = {}): MemoryFile {
  return { ...BLANK, type: "directory", mode: 0o755, ...attributes };
}

/** A symlink. */
export function aSymlink(target: ByteString, attributes: Partial<MemoryFile> = {}): MemoryFile {
  return { ...BLANK, type: "symlink", mode: 0o777, target, ...attributes };
}

/** Files as a tree: directories that are not mentioned are all alike. */
export function treeOf(files: Readonly<Record<ByteString, MemoryFile>>): MemoryFiles {
  const all = new Map<ByteString, MemoryFile>([["", aDirectory()], ...Object.entries(files)]);
  for (const path of Object.keys(files)) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      if (!all.has(path.slice(0, end))) all.set(path.slice(0, end), aDirectory());
    }
  }
  return all;
}

/** The paths in walk order. */
export function walkOrder(files: MemoryFiles): ByteString[] {
  const key = (path: ByteString): string => path.replaceAll("/", "\0");
  return [...files.keys()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** What was asked of a listing. */
export interface Asked {
  readonly opened: number[];
}

/** Files listed as a whole tree. */
export function listFiles(files: MemoryFiles, asked: Asked = { opened: [] }): ListedLayer {
  const builder = new LayerIndexBuilder();
  const firstNames = new Map<MemoryFile, ByteString>();
  const inOrder = walkOrder(files);
  const fileOf = (entry: number): MemoryFile => files.get(inOrder[entry] as ByteString) as MemoryFile;
  for (const path of inOrder) {
    const file = files.get(path) as MemoryFile;
    const first = file.type === "directory" ? undefined : firstNames.get(file);
    if (first === undefined) firstNames.set(file, path);
    builder.add(entryOf(path, file, first));
  }
  return {
    index: builder.finish(),
    open: async (entry) => {
      asked.opened.push(entry);
      return memorySource(Buffer.from(fileOf(entry).content, "latin1"));
    },
    dataRuns: (entry) => fileOf(entry).sparse,
  };
}

function entryOf(path: ByteString, file: MemoryFile, first: ByteString | undefined): TarEntry {
  const size = first === undefined && file.type === "file" ? file.content.length : 0;
  return {
    name: path === "" ? "./" : path,
    type: first === undefined ? file.type : "hardlink",
    linkName: first ?? file.target,
    mode: file.mode,
    uid: file.uid,
    gid: file.gid,
    uname: "",
    gname: "",
    size,
    storedSize: size,
    mtime: file.mtime,
    devMajor: first === undefined ? file.device[0] : 0,
    devMinor: first === undefined ? file.device[1] : 0,
    headerOffset: 0,
    dataOffset: 0,
    ...(first === undefined && file.xattrs.size > 0 ? { xattrs: file.xattrs } : {}),
  };
}

/** Compares data for `compareTrees`. */
export function contentsOf(lower: MemoryFiles, upper: MemoryFiles): (l: number, u: number) => boolean {
  const [a, b] = [walkOrder(lower), walkOrder(upper)];
  return (l, u) => lower.get(a[l] as ByteString)?.content === upper.get(b[u] as ByteString)?.content;
}
