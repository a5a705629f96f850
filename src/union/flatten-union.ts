import type { ByteString } from "../base/index.ts";
import { FlatTree } from "./flat-tree.ts";
import { ROOT_SLOT, type Slot } from "./slot.ts";
import { allocateFlatColumns, copyRows, type FlatColumns, firstRows, type TreeColumns } from "./tree-columns.ts";
import type { UnionState } from "./union-state.ts";

/** What a union holds now, as the table that a walk through it would fill. */
export function flattenUnion(state: UnionState): FlatTree {
  const rows = new Rows(state);
  // A stack of directories, each with what is left of its children, because a hostile tree is 32,000 levels deep.
  const open = [{ row: 0, slots: [ROOT_SLOT], next: 0 }];
  for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
    const slot = at.slots[at.next++];
    if (slot === undefined) {
      rows.close(at.row);
      open.pop();
      continue;
    }
    const row = rows.add(slot, at.row);
    if (!state.isDirectory(slot)) continue;
    if (state.base !== undefined && state.isBelowAsInBase(slot)) rows.addAllBelow(slot, row, state.base);
    else open.push({ row, slots: rows.childrenOf(slot), next: 0 });
  }
  return rows.finish();
}

/** The columns of a {@link FlatTree} while they are filled. */
class Rows {
  readonly #state: UnionState;
  readonly #relinked: ReadonlySet<number>;
  #count = 0;
  /** In pieces: one name, or the names of many rows. */
  readonly #names: ByteString[] = [];
  #nameEnd = 0;
  readonly #columns: FlatColumns;

  constructor(state: UnionState) {
    this.#state = state;
    this.#relinked = relinkedNodes(state);
    this.#columns = allocateFlatColumns(state.slotCount);
  }

  add(slot: Slot, parent: number): number {
    const [state, columns] = [this.#state, this.#columns];
    const row = this.#count++;
    const node = state.nodeAt(slot);
    const name = state.nameOf(slot);
    this.#names.push(name);
    this.#nameEnd += name.length;
    columns.nameStart[row + 1] = this.#nameEnd;
    columns.parent[row] = parent;
    columns.end[row] = row + 1;
    columns.entry[row] = state.nodeEntry.at(node);
    columns.inode[row] = node;
    columns.layer[row] = state.nodeLayer.at(node);
    if (!state.isDirectory(slot)) columns.nlink[row] = state.nodeLinks.at(node);
    else {
      columns.nlink[row] = 2;
      if (row > 0) (columns.nlink[parent] as number)++;
    }
    return row;
  }

  /**
   * Adds everything below a directory, whose own row was the last to be added, as it is in the base: the same rows in a row,
   * which lie somewhere else.
   */
  addAllBelow(directory: Slot, row: number, { columns: base, names }: TreeColumns): void {
    const columns = this.#columns;
    const [first, last, to] = [directory + 1, base.end[directory] as number, row + 1];
    columns.nlink[row] = base.nlink[directory] as number;
    copyRows(base, columns, { first, last, to });
    this.#names.push(names.toString("latin1", base.nameStart[first], base.nameStart[last]));
    this.#count = to + last - first;
    this.#nameEnd = columns.nameStart[this.#count] as number;
    this.#countLinks(to);
    this.close(row);
  }

  /** Files of the base may have got other names, or lost some. */
  #countLinks(from: number): void {
    if (this.#relinked.size === 0) return;
    const { inode, nlink } = this.#columns;
    for (let row = from; row < this.#count; row++) {
      const node = inode[row] as number;
      if (this.#relinked.has(node)) nlink[row] = this.#state.nodeLinks.at(node);
    }
  }

  /** Filled slots of a directory in the order of their names. */
  childrenOf(slot: Slot): Slot[] {
    const state = this.#state;
    const below = state.slotsBelow(slot);
    const names: ByteString[] = [];
    for (const [name, child] of below) if (state.nodeAt(child) !== 0) names.push(name);
    return names.sort().map((name) => below.get(name) as Slot);
  }

  /** Everything added since this row lies below it. */
  close(row: number): void {
    this.#columns.end[row] = this.#count;
  }

  finish(): FlatTree {
    return new FlatTree({
      layers: [...this.#state.layers],
      columns: firstRows(this.#columns, this.#count),
      names: Buffer.from(this.#names.join(""), "latin1"),
      inodeCount: this.#state.nodeCount,
    });
  }
}

/** Nodes of the base whose names changed, but which have some. */
function relinkedNodes({ base, changeNode, changeBefore, nodeLinks }: UnionState): ReadonlySet<number> {
  const found = new Set<number>();
  if (base === undefined) return found;
  for (let change = base.columns.entry.length + 1; change < changeNode.length; change++) {
    for (const node of [changeNode.at(change), changeNode.at(changeBefore.at(change))]) {
      if (node < base.inodeCount && nodeLinks.at(node) > 0) found.add(node);
    }
  }
  return found;
}
