import { StrataError } from "../base/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import { type FlatColumns, FlatTree } from "./flat-tree.ts";
import type { MergedTree, PlacedSlot } from "./merged-tree.ts";

/** "SFT" and the version of the layout. */
const MAGIC = 0x5346_5401;
const HEADER_BYTES = 16;
/** Bytes of all columns for one slot. */
const ROW_BYTES = 26;

/**
 * The compact form of a tree: header (`u32 magic, u32 slots, u32 names, u32 layers`), columns, names, little endian. It
 * refers to entries of the layers by number, so it is of use only together with the indexes of the very same layers.
 * Names must be less than 4 GiB together. Ownership of the result passes to the caller.
 */
export function encodeFlatTree(tree: MergedTree): Uint8Array<ArrayBuffer> {
  const places = [...tree.walk()];
  const rowOf = new Map(places.map(({ slot }, row) => [slot, row]));
  const namesLength = places.reduce((sum, { slot }) => sum + tree.nameOf(slot).length, 0);
  const bytes = new Uint8Array(HEADER_BYTES + columnBytes(places.length) + namesLength);
  const header = new DataView(bytes.buffer);
  [MAGIC, places.length, namesLength, tree.layers.length].forEach((value, i) => {
    header.setUint32(4 * i, value, true);
  });
  const { columns, names } = viewColumns(bytes, places.length);
  places.forEach((place, row) => {
    fillRow(tree, place, { columns, names, row, parent: rowOf.get(tree.parentOf(place.slot)) ?? 0 });
  });
  for (let row = places.length - 1; row > 0; row--) closeRow(columns, row);
  return bytes;
}

interface Target {
  readonly columns: FlatColumns;
  readonly names: Buffer;
  readonly row: number;
  readonly parent: number;
}

function fillRow(tree: MergedTree, { slot }: PlacedSlot, { columns, names, row, parent }: Target): void {
  const node = tree.node(slot);
  const name = tree.nameOf(slot);
  const start = columns.nameStart[row] as number;
  names.write(name, start, "latin1");
  columns.nameStart[row + 1] = start + name.length;
  columns.parent[row] = parent;
  columns.end[row] = row + 1;
  columns.entry[row] = node.entry;
  columns.inode[row] = node.inode;
  columns.nlink[row] = node.nlink;
  columns.layer[row] = node.layer;
}

/** What lies below a slot lies below its directory too. Called for the last row first. */
function closeRow({ end, parent }: FlatColumns, row: number): void {
  const directory = parent[row] as number;
  end[directory] = Math.max(end[directory] as number, end[row] as number);
}

/**
 * Reads what {@link encodeFlatTree} wrote. The tree is mostly a view of `bytes`, which must not change afterwards.
 *
 * @param layers the indexes of the layers that the tree was made of
 * @throws StrataError `tree-unreadable` (malformed) when it is of another version, cut short, too long, or of another
 *   number of layers. The columns are trusted: keep a checksum beside them.
 */
export function decodeFlatTree(bytes: Uint8Array, layers: readonly LayerIndex[]): FlatTree {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  if (aligned.length < HEADER_BYTES) throw unreadable();
  const header = new DataView(aligned.buffer, aligned.byteOffset);
  const [magic, count, namesLength, layerCount] = [0, 4, 8, 12].map((at) => header.getUint32(at, true));
  const isWhole = aligned.length === HEADER_BYTES + columnBytes(count ?? 0) + (namesLength ?? 0);
  if (magic !== MAGIC || layerCount !== layers.length || count === undefined || !isWhole) throw unreadable();
  const { columns, names } = viewColumns(aligned, count);
  return new FlatTree(layers, columns, names.toString("latin1"));
}

function columnBytes(count: number): number {
  return ROW_BYTES * count + 4;
}

function viewColumns(bytes: Uint8Array, count: number): { readonly columns: FlatColumns; readonly names: Buffer } {
  const { buffer, byteOffset } = bytes;
  const at = (column: number): number => byteOffset + HEADER_BYTES + 4 * count * column;
  const columns = {
    parent: new Uint32Array(buffer, at(0), count),
    end: new Uint32Array(buffer, at(1), count),
    entry: new Int32Array(buffer, at(2), count),
    inode: new Uint32Array(buffer, at(3), count),
    nlink: new Uint32Array(buffer, at(4), count),
    nameStart: new Uint32Array(buffer, at(5), count + 1),
    layer: new Uint16Array(buffer, at(6) + 4, count),
  };
  return {
    columns,
    names: Buffer.from(
      buffer,
      byteOffset + HEADER_BYTES + columnBytes(count),
      bytes.length - HEADER_BYTES - columnBytes(count),
    ),
  };
}

function unreadable(): StrataError {
  return new StrataError({
    code: "tree-unreadable",
    kind: "malformed",
    message: "These bytes are not a merged tree of this version and these layers",
  });
}
