import type { ByteSource } from "../base/index.ts";
import { looseEntry, type SparseRun, type TarEntry } from "../tar/index.ts";
import { parentOf } from "../tree/index.ts";
import type { TreeChange } from "./compare-trees.ts";
import type { LayerIndex } from "./layer-index.ts";
import { LayerIndexBuilder } from "./layer-index-builder.ts";
import type { FileReader, ListedLayer } from "./listed-layer.ts";
import { namesByInode } from "./relinked-names.ts";
import { noWhiteouts, type WhiteoutCodec } from "./whiteout-codec.ts";
import { parentsOf, type WholeTree, wholeTree } from "./whole-tree.ts";

/** A changeset as a listing, and how its deletions are told. */
export interface TreeDifference {
  /** Without any entry when nothing changed. */
  readonly listed: ListedLayer;
  readonly whiteouts: WhiteoutCodec;
}

/** Stands for a deletion where an entry of the upper tree would stand. */
const REMOVAL = -1;

/**
 * The changeset that makes the upper tree out of the lower: the entries that changed, in walk order, the headers of all
 * directories above them (of the root only if it changed: every layer has it), all names of a file of which anything
 * changed, and one whiteout for each deletion. Nothing is deleted below a path that is a directory no more, and
 * nothing that is replaced: the entry itself does that. It stays empty for no changes.
 *
 * @param changes of {@link compareTrees} for these two trees, all or some of them, in their order
 * @throws StrataError `tree-disordered` (invalid-argument) as {@link compareTrees}
 */
export function differenceOf(upper: ListedLayer, changes: readonly TreeChange[], lower: LayerIndex): TreeDifference {
  const { index } = upper;
  const tree = wholeTree(index);
  if (lower.count === 0 && changes.length === index.count) {
    // All of it is new. Only that it is whole has to be seen.
    parentsOf(tree);
    return { listed: upper, whiteouts: noWhiteouts };
  }
  const isListed = listedEntries(tree, changes);
  const lowerPaths = wholeTree(lower).paths;
  const removals = changes.filter(({ kind }) => kind === "deleted");
  const builder = new LayerIndexBuilder();
  /** Number in the upper tree for each number in the difference, or {@link REMOVAL}. */
  const origins: number[] = [];
  const isBefore = ({ lower: gone }: TreeChange, entry: number): boolean =>
    entry === index.count || lowerPaths.compare(gone as number, tree.paths, entry) < 0;
  let next = 0;
  const addRemovalsBefore = (entry: number): void => {
    for (let gone = removals[next]; gone !== undefined && isBefore(gone, entry); gone = removals[++next]) {
      // As overlayfs writes it, for whoever looks at the listing alone: a character device 0:0.
      builder.add(looseEntry(gone.path, "char"));
      origins.push(REMOVAL);
    }
  };
  for (let entry = 0; entry < index.count; entry++) {
    if (isListed[entry] !== 1) continue;
    addRemovalsBefore(entry);
    builder.add(entryOf(tree, entry));
    origins.push(entry);
  }
  addRemovalsBefore(index.count);
  return { listed: selected(upper, builder.finish(), origins), whiteouts: whiteoutsAmong(origins) };
}

/** Marks what of the upper tree is in the changeset. */
function listedEntries(tree: WholeTree, changes: readonly TreeChange[]): Uint8Array {
  const { index, paths } = tree;
  const isListed = new Uint8Array(index.count);
  if (changes.length === 0) return isListed;
  const parents = parentsOf(tree);
  const addWithParents = (entry: number): void => {
    for (let at = entry; at > 0 && isListed[at] !== 1; at = parents[at] as number) isListed[at] = 1;
  };
  const groups = namesByInode(tree);
  for (const { upper } of changes) if (upper !== undefined) isListed[upper] = 1;
  for (const names of groups.values()) {
    if (names.some((name) => isListed[name] === 1)) for (const name of names) isListed[name] = 1;
  }
  for (let entry = 0; entry < index.count; entry++) if (isListed[entry] === 1) addWithParents(parents[entry] as number);
  for (const { kind, path } of changes) if (kind === "deleted") addWithParents(paths.find(parentOf(path)));
  return isListed;
}

/** The listing of some entries of another one. */
function selected(upper: ListedLayer, index: LayerIndex, origins: readonly number[]): ListedLayer {
  const originOf = (entry: number): number => origins[entry] as number;
  const listed: ListedLayer = { index, open: (entry): Promise<ByteSource> => upper.open(originOf(entry)) };
  const { reader } = upper;
  if (reader !== undefined) listed.reader = () => selectedReader(reader.call(upper), originOf);
  if (upper.dataRuns !== undefined) {
    listed.dataRuns = (entry): readonly SparseRun[] | undefined => upper.dataRuns?.(originOf(entry));
  }
  return listed;
}

function selectedReader(reader: FileReader, originOf: (entry: number) => number): FileReader {
  return { read: (entry) => reader.read(originOf(entry)), [Symbol.dispose]: () => reader[Symbol.dispose]() };
}

/** By number, so that any name and any device can be a file of the tree. */
function whiteoutsAmong(origins: readonly number[]): WhiteoutCodec {
  return {
    name: "overlay",
    mayHaveMarkers: () => origins.includes(REMOVAL),
    meaningOf: (_index, entry) => (origins[entry] === REMOVAL ? "whiteout" : "entry"),
    hiddenName: (name) => name,
  };
}

function entryOf({ index, paths }: WholeTree, entry: number): TarEntry {
  const { mode, uid, gid, size, device } = index.columns;
  return looseEntry(paths.at(entry), index.type(entry), {
    linkName: index.linkName(entry),
    mode: mode[entry] as number,
    uid: uid[entry] as number,
    gid: gid[entry] as number,
    size: size[entry] as number,
    mtime: index.mtime(entry),
    devMajor: (device[entry] as number) >>> 20,
    devMinor: (device[entry] as number) & 0xfffff,
    xattrs: index.xattrs(entry),
  });
}
