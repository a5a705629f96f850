import { StrataError, toText } from "../base/index.ts";
import { DIRECTORY, HARDLINK } from "./entry-kind.ts";
import type { LayerIndex } from "./layer-index.ts";
import { comparePaths, isBelow, type PathBytes, parentBytes, pathBytes, targetBytes } from "./tree-path.ts";

/**
 * For each entry the one that holds its metadata and data: the first name for a hardlink, itself for all others.
 *
 * @throws StrataError `tree-disordered` (invalid-argument) where an entry does not come in walk order, or is a hardlink to
 *   nothing that comes before it
 */
export function inodesOf(index: LayerIndex): Int32Array {
  const { type } = index.columns;
  const inodes = new Int32Array(index.count);
  let before: PathBytes | undefined;
  for (let entry = 0; entry < index.count; entry++) {
    const path = pathBytes(index, entry);
    if (before !== undefined && comparePaths(before, path) >= 0) throw disordered(index, entry);
    before = path;
    inodes[entry] = type[entry] === HARDLINK ? (inodes[targetOf(index, entry)] as number) : entry;
  }
  return inodes;
}

/**
 * For each entry that of the directory which holds it; -1 for the root.
 *
 * @throws StrataError `tree-disordered` (invalid-argument) for an entry whose directory does not come before it
 */
export function parentsOf(index: LayerIndex): Int32Array {
  const parents = new Int32Array(index.count);
  /** The directories that lead to the current entry. */
  const open: number[] = [];
  for (let entry = 0; entry < index.count; entry++) {
    const path = pathBytes(index, entry);
    const isRoot = path.start === path.end;
    while (open.length > 0 && !isBelow(path, pathBytes(index, open.at(-1) as number))) open.pop();
    const parent = open.at(-1);
    if (!isRoot && (parent === undefined || !isChild(path, pathBytes(index, parent)))) throw disordered(index, entry);
    parents[entry] = isRoot ? -1 : (parent as number);
    if (index.columns.type[entry] === DIRECTORY) open.push(entry);
  }
  return parents;
}

/** The number of the first entry after all that lies below `entry`. */
export function subtreeEnd(index: LayerIndex, entry: number): number {
  const directory = pathBytes(index, entry);
  let next = entry + 1;
  while (next < index.count && isBelow(pathBytes(index, next), directory)) next++;
  return next;
}

/** The number of the entry at a path among the first `count`, which are in walk order; -1 when there is none. */
export function findPath(index: LayerIndex, path: PathBytes, count = index.count): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = comparePaths(pathBytes(index, middle), path);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -1;
}

function isChild(path: PathBytes, directory: PathBytes): boolean {
  const parent = parentBytes(path);
  return parent.end - parent.start === directory.end - directory.start;
}

function targetOf(index: LayerIndex, link: number): number {
  const target = findPath(index, targetBytes(index, link), link);
  if (target < 0 || index.columns.type[target] === DIRECTORY) throw disordered(index, link);
  return target;
}

function disordered(index: LayerIndex, entry: number): StrataError {
  const name = toText(index.name(entry));
  return new StrataError({
    code: "tree-disordered",
    kind: "invalid-argument",
    message: `These entries are no whole tree: "${name}" stands before its directory, its link's target or its neighbour`,
    details: { entry: name },
  });
}
