import type { ByteString } from "../base/index.ts";
import { FlatTree } from "./flat-tree.ts";
import { ROOT_SLOT, type Slot, type UnionState } from "./union-state.ts";

/** What a union holds now, as the table that a walk through it would fill. */
export function flattenUnion(state: UnionState): FlatTree {
  const rows = new Rows(state);
  rows.add(ROOT_SLOT, 0);
  // A stack of directories, each with what is left of its children, because a hostile tree is 32,000 levels deep.
  const open = [{ row: 0, slots: rows.childrenOf(ROOT_SLOT), next: 0 }];
  for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
    const slot = at.slots[at.next++];
    if (slot === undefined) {
      rows.close(at.row);
      open.pop();
      continue;
    }
    const row = rows.add(slot, at.row);
    if (state.isDirectory(slot)) open.push({ row, slots: rows.childrenOf(slot), next: 0 });
  }
  return rows.finish();
}

/** The columns of a {@link FlatTree} while they are filled. */
class Rows {
  readonly #state: UnionState;
  readonly #names: ByteString[] = [];
  #nameEnd = 0;
  readonly #columns;

  constructor(state: UnionState) {
    this.#state = state;
    const { slotCount } = state;
    this.#columns = {
      parent: new Uint32Array(slotCount),
      end: new Uint32Array(slotCount),
      nameStart: new Uint32Array(slotCount + 1),
      entry: new Int32Array(slotCount),
      inode: new Uint32Array(slotCount),
      nlink: new Uint32Array(slotCount),
      layer: new Uint16Array(slotCount),
    };
  }

  add(slot: Slot, parent: number): number {
    const [state, columns] = [this.#state, this.#columns];
    const row = this.#names.length;
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
    this.#columns.end[row] = this.#names.length;
  }

  finish(): FlatTree {
    const count = this.#names.length;
    const { parent, end, nameStart, entry, inode, nlink, layer } = this.#columns;
    const columns = {
      parent: parent.subarray(0, count),
      end: end.subarray(0, count),
      nameStart: nameStart.subarray(0, count + 1),
      entry: entry.subarray(0, count),
      inode: inode.subarray(0, count),
      nlink: nlink.subarray(0, count),
      layer: layer.subarray(0, count),
    };
    return new FlatTree([...this.#state.layers], columns, Buffer.from(this.#names.join(""), "latin1"));
  }
}
