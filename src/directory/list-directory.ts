import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  assertNotAborted,
  type ByteSource,
  type ByteString,
  type FileTime,
  fromBuffer,
  fromText,
  StrataError,
  toBuffer,
  toText,
} from "../base/index.ts";
import { fileError, openFile } from "../content/index.ts";
import { type LayerIndex, LayerIndexBuilder, type ListedLayer } from "../layer/index.ts";
import { decodeDevice, readXattrs } from "../linux/index.ts";
import type { EntryType, TarEntry } from "../tar/index.ts";

const NANOSECONDS = 1_000_000_000n;
const ENTRIES_PER_TURN = 2000;

/** How a directory is listed. */
export interface ListDirectoryOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told each entry in turn, from the first; gives it as it shall be listed, under the same name. */
  readonly map?: ((entry: TarEntry) => TarEntry) | undefined;
}

/**
 * Walks a directory as a layer: parents before children, siblings in the order of their bytes, links never followed.
 * Names are byte-exact and relative to the directory, which is itself the first entry, `./`. Further names of one inode
 * are hardlinks to the first. Sockets are left out, and what other file systems are mounted inside: `/proc` is no
 * part of an image.
 */
export async function listDirectory(
  directory: string,
  { signal, map }: ListDirectoryOptions = {},
): Promise<ListedLayer> {
  const root = fromText(directory);
  const builder = new LayerIndexBuilder();
  let count = 0;
  for (const entry of walk(root)) {
    builder.add(map?.(entry) ?? entry);
    if (++count % ENTRIES_PER_TURN > 0) continue;
    assertNotAborted(signal);
    await nextTurn();
  }
  const index = builder.finish();
  return { index, open: (entry) => openEntry(root, index, entry) };
}

function* walk(root: ByteString): Generator<TarEntry> {
  const device = lstat(root)?.dev;
  const firstNames = new Map<string, ByteString>();
  /** Names still to visit; the next is the last. */
  const pending: ByteString[] = ["."];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const path = `${root}/${name}`;
    const stats = lstat(path);
    const type = stats === undefined ? undefined : typeOf(stats);
    if (stats === undefined || type === undefined) continue;
    const inode = `${stats.dev}:${stats.ino}`;
    const first = type === "directory" || stats.nlink === 1n ? undefined : firstNames.get(inode);
    yield first === undefined ? entryOf(name, type, stats, path) : hardlinkOf(name, first, stats);
    if (stats.nlink > 1n && first === undefined) firstNames.set(inode, name);
    if (type !== "directory" || stats.dev !== device) continue;
    // One by one: a directory may have more children than a call may have arguments.
    for (const child of childrenOf(path, name).reverse()) pending.push(child);
  }
}

function childrenOf(path: ByteString, name: ByteString): ByteString[] {
  const prefix = name === "." ? "" : `${name}/`;
  try {
    return readdirSync(toBuffer(path), { encoding: "buffer" })
      .map((child) => prefix + fromBuffer(child))
      .sort((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    if (isGone(error)) return [];
    throw fileError(error, toText(path));
  }
}

function lstat(path: ByteString): BigIntStats | undefined {
  try {
    return lstatSync(toBuffer(path), { bigint: true });
  } catch (error) {
    if (isGone(error)) return undefined;
    throw fileError(error, toText(path));
  }
}

function readLink(path: ByteString): ByteString {
  return fromBuffer(readlinkSync(toBuffer(path), { encoding: "buffer" }));
}

function isGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

function typeOf(stats: BigIntStats): EntryType | undefined {
  if (stats.isDirectory()) return "directory";
  if (stats.isFile()) return "file";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isCharacterDevice()) return "char";
  if (stats.isBlockDevice()) return "block";
  return stats.isFIFO() ? "fifo" : undefined;
}

function entryOf(name: ByteString, type: EntryType, stats: BigIntStats, path: ByteString): TarEntry {
  const isDevice = type === "char" || type === "block";
  const { major, minor } = isDevice ? decodeDevice(stats.rdev) : { major: 0, minor: 0 };
  const xattrs = readXattrs(path);
  return {
    ...attributesOf(stats),
    name: name === "." ? "./" : name,
    type,
    size: type === "file" ? Number(stats.size) : 0,
    linkName: type === "symlink" ? readLink(path) : "",
    devMajor: major,
    devMinor: minor,
    storedSize: type === "file" ? Number(stats.size) : 0,
    ...(xattrs.size === 0 ? {} : { xattrs }),
  };
}

function hardlinkOf(name: ByteString, linkName: ByteString, stats: BigIntStats): TarEntry {
  return { ...attributesOf(stats), name, type: "hardlink", linkName, size: 0, storedSize: 0, devMajor: 0, devMinor: 0 };
}

/** What all types have; offsets mean nothing outside of a tar. */
function attributesOf(
  stats: BigIntStats,
): Pick<TarEntry, "mode" | "uid" | "gid" | "uname" | "gname" | "mtime" | "headerOffset" | "dataOffset"> {
  const { uid, gid, mode, mtimeNs } = stats;
  return {
    mode: Number(mode & 0o7777n),
    uid: Number(uid),
    gid: Number(gid),
    uname: "",
    gname: "",
    mtime: timestampOf(mtimeNs),
    headerOffset: 0,
    dataOffset: 0,
  };
}

function timestampOf(nanoseconds: bigint): FileTime {
  const rest = ((nanoseconds % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
  return { seconds: Number((nanoseconds - rest) / NANOSECONDS), nanoseconds: Number(rest) };
}

async function openEntry(root: ByteString, index: LayerIndex, entry: number): Promise<ByteSource> {
  const name = index.name(entry);
  const source = await openFile(toBuffer(`${root}/${name}`));
  const size = index.columns.size[entry];
  if (source.size === size) return source;
  await source[Symbol.asyncDispose]();
  throw new StrataError({
    code: "file-changed",
    kind: "failed-precondition",
    message: `${toText(name)} has ${source.size} bytes now and had ${size} when its directory was listed`,
    details: { entry: toText(name) },
    hint: "Try again when nothing writes to the directory",
  });
}
