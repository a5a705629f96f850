import { StrataError } from "../base/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import { FlatTree } from "./flat-tree.ts";
import type { MergedTree } from "./merged-tree.ts";
import type { FlatColumns } from "./tree-columns.ts";

/** "SFT" and the version of the layout. */
const MAGIC = 0x5346_5402;
const HEADER_BYTES = 20;
/** Bytes of all columns for one slot. */
const ROW_BYTES = 26;

/**
 * The compact form of a tree: header (`u32 magic, u32 slots, u32 names, u32 layers, u32 inodes`), columns, names, little endian. It
 * refers to entries of the layers by number, so it is of use only together with the indexes of the very same layers.
 * Names must be less than 4 GiB together. Ownership of the result passes to the caller.
 */
export function encodeFlatTree(tree: MergedTree): Uint8Array<ArrayBuffer> {
  const { columns, names, layers, inodeCount } = tree.flatten();
  const count = columns.entry.length;
  const bytes = new Uint8Array(HEADER_BYTES + columnBytes(count) + names.length);
  const header = new DataView(bytes.buffer);
  [MAGIC, count, names.length, layers.length, inodeCount].forEach((value, i) => {
    header.setUint32(4 * i, value, true);
  });
  const target = viewColumns(bytes, count);
  for (const name of Object.keys(columns) as (keyof FlatColumns)[]) target.columns[name].set(columns[name]);
  target.names.set(names);
  return bytes;
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
  const [magic, count, namesLength, layerCount, inodeCount = 0] = [0, 4, 8, 12, 16].map((at) =>
    header.getUint32(at, true),
  );
  const isWhole = aligned.length === HEADER_BYTES + columnBytes(count ?? 0) + (namesLength ?? 0);
  if (magic !== MAGIC || layerCount !== layers.length || count === undefined || !isWhole) throw unreadable();
  const { columns, names } = viewColumns(aligned, count);
  return new FlatTree({ layers, columns, names, inodeCount });
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
