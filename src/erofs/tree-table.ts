import { BLOCK as BLOCK_DEVICE, CHAR, DIRECTORY, FIFO, FILE, type LayerIndex, SYMLINK } from "../layer/index.ts";
import type { MergedTree, TableTree } from "../union/index.ts";

/** Type of a directory entry (EROFS_FT_*) by the type number of a layer's entry. */
const DIRENT_TYPES = direntTypes();

/** A merged tree as columns over its rows, which count in the order of a walk; row 0 is the root. */
export interface TreeTable {
  readonly count: number;
  readonly tree: TableTree;
  readonly layers: readonly LayerIndex[];
  readonly parent: Uint32Array;
  readonly end: Uint32Array;
  readonly entry: Int32Array;
  readonly inode: Uint32Array;
  readonly nlink: Uint32Array;
  readonly layer: Uint16Array;
  readonly names: Buffer;
  readonly nameStart: Uint32Array;
  /** Type number as in a layer's columns. */
  readonly type: Uint8Array;
  readonly direntType: Uint8Array;
}

/** The columns of a tree, as it is or flattened. */
export function tableOf(merged: MergedTree): TreeTable {
  const tree = merged.flatten();
  const { parent, end, entry, inode, nlink, layer, nameStart } = tree.columns;
  const count = entry.length;
  const type = new Uint8Array(count);
  const direntType = new Uint8Array(count);
  const types = tree.layers.map((index) => index.columns.type);
  for (let row = 0; row < count; row++) {
    const at = entry[row] as number;
    const number = at < 0 ? DIRECTORY : ((types[layer[row] as number] as Uint8Array)[at] as number);
    type[row] = number;
    direntType[row] = DIRENT_TYPES[number] as number;
  }
  return {
    count,
    tree,
    layers: tree.layers,
    parent,
    end,
    entry,
    inode,
    nlink,
    layer,
    names: tree.names,
    nameStart,
    type,
    direntType,
  };
}

function direntTypes(): Uint8Array {
  const types = new Uint8Array(8);
  types[FILE] = 1;
  types[DIRECTORY] = 2;
  types[CHAR] = 3;
  types[BLOCK_DEVICE] = 4;
  types[FIFO] = 5;
  types[SYMLINK] = 7;
  return types;
}
