import type { ByteString } from "../base/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import type { Slot } from "./slot.ts";

/** The columns of a {@link TreeColumns}: one element for each slot, in the order of a walk. */
export interface FlatColumns {
  readonly parent: Uint32Array;
  /** The first slot after this one that does not lie below it. */
  readonly end: Uint32Array;
  /** Where the name begins in the names; one element more, for the end of the last. */
  readonly nameStart: Uint32Array;
  readonly entry: Int32Array;
  readonly inode: Uint32Array;
  readonly nlink: Uint32Array;
  readonly layer: Uint16Array;
}

/** A tree as a table: its slots are rows in the order of a walk, without gaps. */
export interface TreeColumns {
  /** The layers that it was made of, from the base up; entries count in them. */
  readonly layers: readonly LayerIndex[];
  readonly columns: FlatColumns;
  /** All names one after the other. */
  readonly names: Buffer;
  /** How many inodes were numbered while it was made, those that are gone included: a further layer's begin here. */
  readonly inodeCount: number;
  nameOf(slot: Slot): ByteString;
}

/** Room for so many rows, all zero. */
export function allocateFlatColumns(rows: number): FlatColumns {
  return {
    parent: new Uint32Array(rows),
    end: new Uint32Array(rows),
    nameStart: new Uint32Array(rows + 1),
    entry: new Int32Array(rows),
    inode: new Uint32Array(rows),
    nlink: new Uint32Array(rows),
    layer: new Uint16Array(rows),
  };
}

/** The first so many rows, as views. */
export function firstRows(columns: FlatColumns, count: number): FlatColumns {
  const { parent, end, nameStart, entry, inode, nlink, layer } = columns;
  return {
    parent: parent.subarray(0, count),
    end: end.subarray(0, count),
    nameStart: nameStart.subarray(0, count + 1),
    entry: entry.subarray(0, count),
    inode: inode.subarray(0, count),
    nlink: nlink.subarray(0, count),
    layer: layer.subarray(0, count),
  };
}

/** Where rows are copied to. */
export interface RowsCopy {
  /** The rows `[first, last)`, which lie one below another in one piece. */
  readonly first: number;
  readonly last: number;
  /** The row that the first one becomes. */
  readonly to: number;
}

/**
 * Copies rows of one table to another: their facts as they are, their places and the places of their names moved. `nameStart[to]` says
 * where their names will lie; the parents of the topmost must be set afterwards where they are moved by another distance.
 */
export function copyRows(from: FlatColumns, target: FlatColumns, { first, last, to }: RowsCopy): void {
  for (const name of ["entry", "inode", "nlink", "layer"] as const)
    target[name].set(from[name].subarray(first, last), to);
  const [moved, nameMoved] = [to - first, (target.nameStart[to] as number) - (from.nameStart[first] as number)];
  for (let row = first; row < last; row++) {
    target.parent[row + moved] = (from.parent[row] as number) + moved;
    target.end[row + moved] = (from.end[row] as number) + moved;
    target.nameStart[row + moved + 1] = (from.nameStart[row + 1] as number) + nameMoved;
  }
}
