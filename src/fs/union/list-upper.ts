import { assertNotAborted, type ByteString, fromText, timeOfNanoseconds } from "../../base/index.ts";
import { LayerIndexBuilder, type ListedLayer } from "../../layer/index.ts";
import {
  blocksOfRuns,
  DataRunFinder,
  looseEntry,
  SMALLEST_SPARSE,
  type SparseRun,
  type TarEntry,
} from "../../tar/index.ts";
import { constants } from "../constants.ts";
import { COPY_CHUNK, openSource } from "../content-source.ts";
import type { FileFacts } from "../file-stats.ts";
import type { FsLike } from "../fs-like.ts";
import { decodeDevice } from "../image-stats.ts";
import { fsPath } from "./branch.ts";
import { isInUpper } from "./copy-up.ts";
import { isSameAsBelow } from "./is-same-as-below.ts";
import { MARKER, opaquePath, readMarkers, whiteoutPath } from "./markers.ts";
import type { UnionCore } from "./union-core.ts";
import { coreOf, type UnionFs } from "./union-fs.ts";
import { type UnionNode, UPPER } from "./union-tree.ts";

/** Whether to go on. */
export interface ListUpperOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What the upper has under one name. */
interface Item {
  readonly path: ByteString;
  /** Undefined for a marker. */
  readonly node: UnionNode | undefined;
  readonly children: Item[];
  /** Nothing about it differs from what the lowers show; of a directory, nothing but its time. */
  readonly isSame: boolean;
}

const MARKER_MODE = 0o600;

/**
 * The changes of a union as a changeset (image-spec layer.md): for `changesetTar(listed, ociWhiteouts)`. In walk order: the
 * root first, parents before children, siblings by bytes; whiteouts only for what the lowers have; further names of a file are
 * hardlinks to the first. Directories above a change are there with their own metadata.
 *
 * Left out is what was copied up and is as it was: files whose content is still a reference to the lower, with all their names;
 * directories of which nothing but the time differs, unless a caller set that. So no change gives no entries. Sockets are left out.
 *
 * Files that the upper knows to have holes are told with them (`dataRuns`); their data is read for that.
 *
 * The union must not change until the data is read.
 */
export async function listUpper(fs: UnionFs, { signal }: ListUpperOptions = {}): Promise<ListedLayer> {
  const core = coreOf(fs);
  const builder = new LayerIndexBuilder();
  const sizes: number[] = [];
  const paths: ByteString[] = [];
  const runs = new Map<number, readonly SparseRun[]>();
  await core.look({ syscall: "scandir", path: "/" }, async () => {
    const root = await core.tree.root();
    if (!isInUpper(root)) return;
    const top = await readItem(core, root, signal);
    const firstNames = new Map<number, ByteString>();
    for (const item of kept(top, changedInodes(top))) {
      const entry = await entryOf(core, item, firstNames);
      if (entry === undefined) continue;
      const found = entry.size > SMALLEST_SPARSE ? await findRuns(core.upper.fs, item.path, entry.size) : undefined;
      if (found !== undefined) runs.set(paths.length, found);
      builder.add(entry);
      paths.push(item.path);
      sizes.push(entry.size);
    }
  });
  return {
    index: builder.finish(),
    open: (entry) => openSource(core.upper.fs, fsPath(paths[entry] as ByteString), sizes[entry] as number),
    dataRuns: (entry) => runs.get(entry),
  };
}

/** Undefined for a file without holes. Whether it has any the upper says; where they are its bytes do. */
async function findRuns(fs: FsLike, path: ByteString, size: number): Promise<readonly SparseRun[] | undefined> {
  const told = await fs.dataRuns?.(fsPath(path));
  const blocks = told && blocksOfRuns(told, size);
  if (blocks === undefined) return undefined;
  const finder = new DataRunFinder();
  const source = await openSource(fs, fsPath(path), size);
  await using _ = source;
  const buffer = Buffer.allocUnsafe(COPY_CHUNK);
  for (const { offset, length } of blocks) {
    const end = offset + length;
    for (let at = offset; at < end; at += buffer.length) {
      const part = buffer.subarray(0, Math.min(buffer.length, end - at));
      finder.add(part.subarray(0, await source.read(part, at)), at);
    }
  }
  return finder.finish(size);
}

async function readItem(core: UnionCore, node: UnionNode, signal: AbortSignal | undefined): Promise<Item> {
  assertNotAborted(signal);
  const { path } = node;
  const children: Item[] = [];
  if (node.type === "directory") {
    const names = await (core.tree.branches[UPPER] as UnionCore["tree"]["branches"][number]).list(path);
    children.push(...(await markersOf(core, node, names.keys())));
    for (const name of names.keys()) {
      const child = await core.tree.child(node, name);
      if (child !== undefined) children.push(await readItem(core, child, signal));
    }
    children.sort((a, b) => (a.path < b.path ? -1 : 1));
  }
  return { path, node, children, isSame: await isSameAsBelow(core, node) };
}

async function markersOf(core: UnionCore, directory: UnionNode, names: Iterable<ByteString>): Promise<Item[]> {
  const { hidden, isOpaque } = readMarkers(names);
  const markers = isOpaque ? [markerAt(opaquePath(directory.path))] : [];
  for (const name of hidden) {
    // Those of AUFS and our own unfinished files begin with the prefix twice.
    const below = name.startsWith(MARKER) ? undefined : await core.tree.childBelow(directory, name);
    if (below !== undefined) markers.push(markerAt(whiteoutPath(directory.path, name)));
  }
  return markers;
}

function markerAt(path: ByteString): Item {
  return { path, node: undefined, children: [], isSame: false };
}

/** Of files with several names: when one name is new, all of them have to be told. */
function changedInodes(item: Item, changed = new Set<number>()): ReadonlySet<number> {
  const { node, isSame, children } = item;
  if (!isSame && node !== undefined && node.type !== "directory" && node.facts.nlink > 1) changed.add(node.facts.ino);
  for (const child of children) changedInodes(child, changed);
  return changed;
}

function kept(item: Item, changed: ReadonlySet<number>): Item[] {
  const below = item.children.flatMap((child) => kept(child, changed));
  const isChanged = !item.isSame || changed.has(item.node?.facts.ino ?? -1);
  return isChanged || below.length > 0 ? [item, ...below] : [];
}

async function entryOf(
  core: UnionCore,
  { path, node }: Item,
  firstNames: Map<number, ByteString>,
): Promise<TarEntry | undefined> {
  if (node === undefined) return looseEntry(path, "file", { mode: MARKER_MODE });
  const { facts, type } = node;
  if ((facts.mode & constants.S_IFMT) === constants.S_IFSOCK) return undefined;
  const first = type === "directory" || facts.nlink < 2 ? undefined : firstNames.get(facts.ino);
  if (first !== undefined) return looseEntry(path, "hardlink", { ...attributesOf(facts), linkName: first });
  firstNames.set(facts.ino, path);
  const xattrs = await core.tree.xattrs(node);
  const { major, minor } = decodeDevice(type === "char" || type === "block" ? facts.rdev : 0);
  return looseEntry(path, type, {
    ...attributesOf(facts),
    size: facts.size,
    linkName: type === "symlink" ? await core.tree.readLink(node) : "",
    devMajor: major,
    devMinor: minor,
    xattrs: new Map([...xattrs].map(([name, value]) => [fromText(name), value])),
  });
}

function attributesOf({ mode, uid, gid, mtimeNs }: FileFacts): Pick<TarEntry, "mode" | "uid" | "gid" | "mtime"> {
  return { mode: mode & 0o7777, uid, gid, mtime: timeOfNanoseconds(mtimeNs) };
}
