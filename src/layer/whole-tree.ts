import { StrataError, toText } from "../base/index.ts";
import { DIRECTORY, HARDLINK } from "./entry-kind.ts";
import type { LayerIndex } from "./layer-index.ts";
import { TreePaths } from "./tree-paths.ts";

/** A whole tree in walk order, as `ListedLayer` wants it, and what follows from that. */
export interface WholeTree {
  readonly index: LayerIndex;
  readonly paths: TreePaths;
  /** For each entry the one that holds its metadata and data: the first name for a hardlink, itself for all others. */
  readonly inodes: Int32Array;
}

const known = new WeakMap<LayerIndex, WholeTree>();

/**
 * Takes an index for a whole tree, whose order somebody checks; the same object for the same index.
 *
 * @throws StrataError `tree-disordered` (invalid-argument) for a hardlink to nothing that comes before it
 */
export function wholeTree(index: LayerIndex): WholeTree {
  const tree = known.get(index) ?? resolveLinks(index);
  known.set(index, tree);
  return tree;
}

/**
 * Makes sure that an entry comes after the one before it.
 *
 * @throws StrataError `tree-disordered` (invalid-argument)
 */
export function assertInOrder({ index, paths }: WholeTree, entry: number): void {
  if (entry > 0 && paths.compare(entry - 1, paths, entry) >= 0) throw disordered(index, entry);
}

function resolveLinks(index: LayerIndex): WholeTree {
  const { type } = index.columns;
  const paths = new TreePaths(index);
  const inodes = new Int32Array(index.count);
  for (let entry = 0; entry < index.count; entry++) {
    inodes[entry] = type[entry] === HARDLINK ? (inodes[targetOf(index, paths, entry)] as number) : entry;
  }
  return { index, paths, inodes };
}

/**
 * For each entry that of the directory which holds it; -1 for the root.
 *
 * @throws StrataError `tree-disordered` (invalid-argument) for an entry whose directory does not come before it
 */
export function parentsOf({ index, paths }: WholeTree): Int32Array {
  const parents = new Int32Array(index.count);
  /** The directories that lead to the current entry. */
  const open: number[] = [];
  for (let entry = 0; entry < index.count; entry++) {
    const isRoot = paths.lengthOf(entry) === 0;
    while (open.length > 0 && !paths.isBelow(entry, open.at(-1) as number)) open.pop();
    const parent = open.at(-1);
    const isChild = parent !== undefined && paths.parentLengthOf(entry) === paths.lengthOf(parent);
    if (!isRoot && !isChild) throw disordered(index, entry);
    parents[entry] = isRoot ? -1 : (parent as number);
    if (index.columns.type[entry] === DIRECTORY) open.push(entry);
  }
  return parents;
}

/** The number of the first entry after all that lies below `entry`. */
export function subtreeEnd({ index, paths }: WholeTree, entry: number): number {
  let next = entry + 1;
  while (next < index.count && paths.isBelow(next, entry)) next++;
  return next;
}

function targetOf(index: LayerIndex, paths: TreePaths, link: number): number {
  const target = paths.find(index.linkName(link), link);
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
