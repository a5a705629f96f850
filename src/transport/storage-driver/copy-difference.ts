import type { ByteString } from "../../base/index.ts";
import { listDirectory, type UpperDirectory } from "../../directory/index.ts";
import {
  DIRECTORY,
  FILE,
  HARDLINK,
  type LayerIndex,
  LayerIndexBuilder,
  type ListedLayer,
  overlayWhiteouts,
} from "../../layer/index.ts";
import type { TarEntry } from "../../tar/index.ts";

/**
 * A layer of a driver that copies: what a whole root file system has that the one below it has not, and what it lacks.
 * Files are the same when type, owner, mode, size, time, link target and attributes are, as for docker.
 *
 * @param below undefined for a base layer
 */
export function copyDifference(below: string | undefined, path: string): UpperDirectory {
  return {
    whiteouts: overlayWhiteouts,
    load: async (options) => {
      const upper = await listDirectory(path, options);
      if (below === undefined) return upper;
      const lower = await listDirectory(below, options);
      return difference(lower.index, upper);
    },
  };
}

function difference(lower: LayerIndex, { index: upper, open }: ListedLayer): ListedLayer {
  const lowerEntries = entriesByName(lower);
  const upperEntries = entriesByName(upper);
  const builder = new LayerIndexBuilder();
  /** Number in the copy for each number in the difference. */
  const origins: number[] = [];
  const changed = new Set<ByteString>();
  for (let i = 0; i < upper.count; i++) {
    const name = upper.name(i);
    const before = lowerEntries.get(name);
    if (before !== undefined && isSame(lower, before, { index: upper, entry: i, changed })) continue;
    changed.add(name);
    builder.add(entryOf(upper, i));
    origins.push(i);
  }
  for (let i = 0; i < lower.count; i++) {
    const name = lower.name(i);
    if (upperEntries.has(name) || !isDirectory(upper, upperEntries.get(parentOf(name)))) continue;
    builder.add(whiteoutOf(name));
    origins.push(-1);
  }
  return { index: builder.finish(), open: (entry) => open(origins[entry] as number) };
}

function entriesByName(index: LayerIndex): Map<ByteString, number> {
  const entries = new Map<ByteString, number>();
  for (let i = 0; i < index.count; i++) entries.set(index.name(i), i);
  return entries;
}

function parentOf(name: ByteString): ByteString {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? "./" : name.slice(0, slash);
}

function isDirectory(index: LayerIndex, entry: number | undefined): boolean {
  return entry !== undefined && index.columns.type[entry] === DIRECTORY;
}

interface CopiedEntry {
  readonly index: LayerIndex;
  readonly entry: number;
  /** Names that differ, as far as the walk has come. */
  readonly changed: ReadonlySet<ByteString>;
}

function isSame(lower: LayerIndex, before: number, { index, entry, changed }: CopiedEntry): boolean {
  const [a, b] = [lower.columns, index.columns];
  const type = b.type[entry];
  if (type !== a.type[before] || lower.linkName(before) !== index.linkName(entry)) return false;
  if (type === HARDLINK) return !changed.has(index.linkName(entry));
  const isEqual = (column: "mode" | "uid" | "gid" | "device" | "size"): boolean =>
    a[column][before] === b[column][entry];
  if (!isEqual("mode") || !isEqual("uid") || !isEqual("gid") || !isEqual("device")) return false;
  if (type !== DIRECTORY && !isSameTime(lower.mtime(before), index.mtime(entry))) return false;
  if (type === FILE && !isEqual("size")) return false;
  return sameXattrs(lower.xattrs(before), index.xattrs(entry));
}

/** Where one side has whole seconds only, an archive may have cut the rest off. */
function isSameTime(a: TarEntry["mtime"], b: TarEntry["mtime"]): boolean {
  if (a.seconds !== b.seconds) return false;
  return a.nanoseconds === b.nanoseconds || a.nanoseconds === 0 || b.nanoseconds === 0;
}

function sameXattrs(a: ReadonlyMap<ByteString, Uint8Array>, b: ReadonlyMap<ByteString, Uint8Array>): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([name, value]) => {
    const other = b.get(name);
    return other !== undefined && Buffer.compare(value, other) === 0;
  });
}

function entryOf(index: LayerIndex, i: number): TarEntry {
  const { mode, uid, gid, size, device } = index.columns;
  const xattrs = index.xattrs(i);
  return {
    name: index.name(i),
    type: index.type(i),
    linkName: index.linkName(i),
    mode: mode[i] as number,
    uid: uid[i] as number,
    gid: gid[i] as number,
    uname: "",
    gname: "",
    size: size[i] as number,
    storedSize: size[i] as number,
    mtime: index.mtime(i),
    devMajor: (device[i] as number) >>> 20,
    devMinor: (device[i] as number) & 0xfffff,
    headerOffset: 0,
    dataOffset: 0,
    ...(xattrs.size === 0 ? {} : { xattrs }),
  };
}

/** A deletion as overlayfs writes it: a name may begin like a marker, no file of an image is this device. */
function whiteoutOf(name: ByteString): TarEntry {
  return {
    name,
    type: "char",
    linkName: "",
    mode: 0,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    size: 0,
    storedSize: 0,
    mtime: { seconds: 0, nanoseconds: 0 },
    devMajor: 0,
    devMinor: 0,
    headerOffset: 0,
    dataOffset: 0,
  };
}
