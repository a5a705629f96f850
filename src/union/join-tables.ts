import { FlatTree } from "./flat-tree.ts";
import type { TableTree } from "./merged-tree.ts";
import { NO_ENTRY, ROOT_SLOT } from "./slot.ts";
import { allocateFlatColumns, copyRows, type FlatColumns, firstRows } from "./tree-columns.ts";
import { FIRST_OWN_INODE, type Removal, type WalkedLayer } from "./walked-layer.ts";

/**
 * Lays a layer over the tree of those below it, with the very numbers that merging gives. Both are in one order, so this is one pass
 * over both, and what only one of them has is copied in whole runs. Costs a little for each row of the result, whatever the layer's
 * size.
 */
export function joinTables(lower: TableTree, layer: WalkedLayer): TableTree {
  const joint = new Joint(lower, layer);
  while (joint.step());
  return joint.finish();
}

/** A directory of the result that is being filled: what is left of its children on either side. */
interface OpenDirectory {
  readonly row: number;
  lower: number;
  readonly lowerEnd: number;
  upper: number;
  readonly upperEnd: number;
  readonly removal: Removal | undefined;
}

class Joint {
  readonly #lower: TableTree;
  readonly #upper: TableTree;
  readonly #removals: WalkedLayer["removals"];
  readonly #columns: FlatColumns;
  readonly #names: Buffer;
  readonly #open: OpenDirectory[] = [];
  #count = 0;
  /** By inode: how many names of files of the lower tree, which have others, went away. */
  readonly #lostNames = new Map<number, number>();

  constructor(lower: TableTree, { table, removals }: WalkedLayer) {
    this.#lower = lower;
    this.#upper = table;
    this.#removals = removals;
    this.#columns = allocateFlatColumns(lower.columns.entry.length + table.columns.entry.length);
    this.#names = Buffer.allocUnsafe(lower.names.length + table.names.length);
    this.#enter(ROOT_SLOT, ROOT_SLOT, ROOT_SLOT);
  }

  /** Takes the next name, or what is left on one side; false when there is nothing. */
  step(): boolean {
    const directory = this.#open.at(-1);
    if (directory === undefined) return false;
    const { lower, lowerEnd, upper, upperEnd } = directory;
    if (lower < lowerEnd && upper < upperEnd) this.#takeFirst(directory);
    else if (lower < lowerEnd) this.#takeLower(directory);
    else if (upper < upperEnd) this.#takeUpper(directory);
    else this.#leave(directory);
    return true;
  }

  finish(): TableTree {
    const columns = firstRows(this.#columns, this.#count);
    if (this.#lostNames.size > 0) this.#countNames(columns);
    return new FlatTree({
      layers: [...this.#lower.layers, ...this.#upper.layers],
      columns,
      names: this.#names.subarray(0, columns.nameStart[this.#count]),
      inodeCount: this.#lower.inodeCount + this.#upper.inodeCount - FIRST_OWN_INODE,
    });
  }

  /** Begins a directory that both have. Its metadata is the upper one's, unless that is a root of which no entry speaks. */
  #enter(lower: number, upper: number, parent: number): void {
    const isDescribed = this.#upper.columns.entry[upper] !== NO_ENTRY;
    const row = isDescribed ? this.#copy(this.#upper, upper, upper + 1) : this.#copy(this.#lower, lower, lower + 1);
    this.#columns.parent[row] = parent;
    this.#columns.nlink[row] = 2;
    this.#open.push({
      row,
      lower: lower + 1,
      lowerEnd: this.#lower.columns.end[lower] as number,
      upper: upper + 1,
      upperEnd: this.#upper.columns.end[upper] as number,
      removal: this.#removals.get(upper),
    });
  }

  #leave({ row }: OpenDirectory): void {
    this.#columns.end[row] = this.#count;
    this.#open.pop();
  }

  #takeFirst(directory: OpenDirectory): void {
    const order = this.#compareNames(directory.lower, directory.upper);
    if (order < 0) this.#takeLower(directory);
    else if (order > 0) this.#takeUpper(directory);
    else this.#takeBoth(directory);
  }

  #takeLower(directory: OpenDirectory): void {
    const first = directory.lower;
    directory.lower = this.#lower.columns.end[first] as number;
    if (this.#isRemoved(directory, first)) this.#drop(first, directory.lower);
    else this.#takeOver(directory, this.#lower, first);
  }

  #takeUpper(directory: OpenDirectory): void {
    const first = directory.upper;
    directory.upper = this.#upper.columns.end[first] as number;
    this.#takeOver(directory, this.#upper, first);
  }

  /** Two directories become one; everything else that is above takes the place of what is below, children and all. */
  #takeBoth(directory: OpenDirectory): void {
    const { lower, upper } = directory;
    directory.lower = this.#lower.columns.end[lower] as number;
    const areDirectories = this.#lower.isDirectory(lower) && this.#upper.isDirectory(upper);
    if (areDirectories && !this.#isRemoved(directory, lower)) {
      directory.upper = this.#upper.columns.end[upper] as number;
      (this.#columns.nlink[directory.row] as number)++;
      this.#enter(lower, upper, directory.row);
    } else {
      this.#drop(lower, directory.lower);
      this.#takeUpper(directory);
    }
  }

  #isRemoved({ removal }: OpenDirectory, lower: number): boolean {
    return removal !== undefined && (removal === "all" || removal.has(this.#lower.nameOf(lower)));
  }

  /** A child that only one side has, with all that lies below it. */
  #takeOver(directory: OpenDirectory, from: TableTree, first: number): void {
    const row = this.#copy(from, first, from.columns.end[first] as number);
    this.#columns.parent[row] = directory.row;
    if (from.isDirectory(first)) (this.#columns.nlink[directory.row] as number)++;
  }

  /** Copies rows behind the last one, with their names; what is the upper layer's gets its numbers. Returns the first. */
  #copy(from: TableTree, first: number, last: number): number {
    const to = this.#count;
    const { columns, names } = from;
    copyRows(columns, this.#columns, { first, last, to });
    const nameAt = this.#columns.nameStart[to] as number;
    names.copy(this.#names, nameAt, columns.nameStart[first], columns.nameStart[last]);
    this.#count = to + last - first;
    if (from === this.#upper) this.#renumber(to);
    return to;
  }

  #renumber(from: number): void {
    const { inode, layer } = this.#columns;
    const inodesBelow = this.#lower.inodeCount - FIRST_OWN_INODE;
    for (let row = from; row < this.#count; row++) {
      (inode[row] as number) += inodesBelow;
      layer[row] = this.#lower.layers.length;
    }
  }

  #drop(first: number, last: number): void {
    const { inode, nlink } = this.#lower.columns;
    for (let row = first; row < last; row++) {
      if ((nlink[row] as number) < 2 || this.#lower.isDirectory(row)) continue;
      const node = inode[row] as number;
      this.#lostNames.set(node, (this.#lostNames.get(node) ?? 0) + 1);
    }
  }

  #countNames({ inode, nlink }: FlatColumns): void {
    for (let row = 0; row < this.#count; row++) {
      const lost = this.#lostNames.get(inode[row] as number);
      if (lost !== undefined) (nlink[row] as number) -= lost;
    }
  }

  #compareNames(lower: number, upper: number): number {
    const [low, high] = [this.#lower, this.#upper];
    return low.names.compare(
      high.names,
      high.columns.nameStart[upper],
      high.columns.nameStart[upper + 1],
      low.columns.nameStart[lower],
      low.columns.nameStart[lower + 1],
    );
  }
}
