import { type ByteString, toText } from "../base/index.ts";
import { CHAR, DIRECTORY, FILE, type LayerIndex, SYMLINK } from "../layer/index.ts";
import { type ChunkMap, mapChunks } from "./chunk-map.ts";
import { DirectoryPacker } from "./directory-packer.ts";
import { dataNotInTar, tooLarge, unrepresentable } from "./erofs-error.ts";
import {
  BLOCK,
  CHUNK_INDEX_BYTES,
  INODE_BYTES,
  INODE_SLOT,
  MAX_U32,
  SMALLEST_IMAGE,
  wholeBlocks,
  wholeInodeSlots,
} from "./on-disk.ts";
import { type DeviceSlot, headLength, type Superblock } from "./superblock.ts";
import type { TreeTable } from "./tree-table.ts";
import { escapeOverlayXattr, isOverlayXattr, storedName } from "./xattr-name.ts";
import { type NamedXattr, XattrTable } from "./xattr-table.ts";

const LONGEST_NAME = 255;
/** PATH_MAX of the kernel, with the NUL at the end. */
const LONGEST_TARGET = 4095;
/** The superblock has 16 bits for the number of the root's inode. */
const MAX_ROOT_NID = 0xffff;

/** An xattr that is in no image, because no Linux file system takes one of its name or length. */
export interface OmittedXattr {
  readonly path: ByteString;
  readonly name: ByteString;
}

/** A file in chunks, and where the chunks lie that had to be copied. */
export interface SparsePlan {
  readonly map: ChunkMap;
  /** Position in the image of the first copied chunk; the others follow. */
  readonly copiedAt: number;
}

/** What stays of a length when it has filled whole blocks, if it fits behind an inode into the inode's block; else 0. */
export function inlineTail(headBytes: number, length: number): number {
  const tail = length % BLOCK;
  return headBytes + tail <= BLOCK ? tail : 0;
}

/**
 * Where everything of an image lies. In the order of a walk, each inode is followed by its xattrs, then by its link target,
 * directory or chunk map; what fills whole blocks comes after, on a block of its own. Behind all inodes lie shared xattrs and
 * then chunks that had to be copied. Use: {@link survey} and {@link place} every row, then {@link finish}.
 */
export class ImageLayout {
  readonly table: TreeTable;
  readonly packer: DirectoryPacker;
  readonly xattrs = new XattrTable();
  /** By row; names of one inode have one number. */
  readonly nids: Uint32Array;
  /** By row: set of xattrs, or nothing at all when no file has any. */
  xattrSets: Uint32Array = new Uint32Array(0);
  readonly sparse = new Map<number, SparsePlan>();
  readonly overlayMarked: ByteString[] = [];
  readonly whiteoutDevices: ByteString[] = [];
  readonly omittedXattrs: OmittedXattr[] = [];
  inodes = 0;
  /** Layers in the order of their devices. */
  deviceLayers: readonly number[] = [];
  devices: readonly DeviceSlot[] = [];
  /** By layer: its device, counted from 1. */
  readonly deviceOf: Uint16Array;
  /** By layer: where its device begins in the one row of blocks. */
  readonly firstBlockOf: Float64Array;
  sharedXattrsAt = 0;
  copiedAt = 0;
  /** Length of the image. */
  bytes = 0;

  readonly #links = new Map<number, number>();
  readonly #escapeOverlay: boolean;
  readonly #isUsed: Uint8Array;
  #position = 0;
  #copiedBytes = 0;

  constructor(table: TreeTable, escapeOverlay: boolean) {
    this.table = table;
    this.packer = new DirectoryPacker(table);
    this.nids = new Uint32Array(table.count);
    this.#escapeOverlay = escapeOverlay;
    const layers = table.layers.length;
    this.#isUsed = new Uint8Array(layers);
    this.deviceOf = new Uint16Array(layers);
    this.firstBlockOf = new Float64Array(layers);
  }

  /** First pass over the rows `[from, to)`: which layers are devices, which xattrs there are. */
  survey(from: number, to: number): void {
    const { type, entry, layer, layers } = this.table;
    for (let row = from; row < to; row++) {
      const at = entry[row] as number;
      if (at < 0) continue;
      const index = layers[layer[row] as number] as LayerIndex;
      const { columns } = index;
      if (type[row] === FILE && (columns.size[at] as number) > 0) this.#useLayer(row, index, at);
      if (type[row] === CHAR && columns.device[at] === 0) this.whiteoutDevices.push(this.table.tree.pathOf(row));
      if (columns.extra[at] !== 0) this.#noteXattrs(row, index, at);
    }
  }

  /** Between the passes. */
  endSurvey(): void {
    const [tooLong] = this.xattrs.seal();
    if (tooLong !== undefined) {
      throw unrepresentable(
        this.table,
        this.xattrSets.indexOf(tooLong),
        "its extended attributes take more than 256 KiB",
      );
    }
    this.deviceLayers = Array.from(this.#isUsed.keys()).filter((layer) => this.#isUsed[layer] === 1);
    this.#position = headLength(this.deviceLayers.length);
    if (this.#position > MAX_ROOT_NID * INODE_SLOT) throw tooLarge(`${this.deviceLayers.length} devices`);
    if (this.table.names.includes(0)) {
      const row = nameWithNul(this.table);
      throw unrepresentable(this.table, row, "its name has a NUL");
    }
  }

  /** Second pass over the rows `[from, to)`, in order: where each inode lies. */
  place(from: number, to: number): void {
    const { type, nlink, inode, nameStart } = this.table;
    for (let row = from; row < to; row++) {
      const nameLength = (nameStart[row + 1] as number) - (nameStart[row] as number);
      if (nameLength > LONGEST_NAME) throw unrepresentable(this.table, row, "its name is longer than 255 bytes");
      const kind = type[row] as number;
      if (kind !== DIRECTORY && (nlink[row] as number) > 1) {
        const known = this.#links.get(inode[row] as number);
        if (known !== undefined) {
          this.nids[row] = known;
          continue;
        }
      }
      this.#placeInode(row, kind);
      if (kind !== DIRECTORY && (nlink[row] as number) > 1)
        this.#links.set(inode[row] as number, this.nids[row] as number);
    }
  }

  /** After the passes: the areas behind the inodes, and the devices behind the image. */
  finish(tagOf: (layer: number) => ByteString): void {
    this.sharedXattrsAt = wholeBlocks(this.#position);
    this.copiedAt = wholeBlocks(this.sharedXattrsAt + this.xattrs.sharedBytes);
    this.bytes = Math.max(this.copiedAt + this.#copiedBytes, SMALLEST_IMAGE);
    let next = this.bytes / BLOCK;
    this.devices = this.deviceLayers.map((layer, i) => {
      const blocks = Math.ceil((this.table.layers[layer] as LayerIndex).tarSize / BLOCK);
      const firstBlock = next;
      this.deviceOf[layer] = i + 1;
      this.firstBlockOf[layer] = firstBlock;
      next += blocks;
      return { tag: tagOf(layer), blocks, firstBlock };
    });
    if (next > MAX_U32) throw tooLarge("layers of together more than 2 TiB");
  }

  /** What the superblock says of this image; after {@link finish}. */
  superblock(uuid: Uint8Array, volumeName: ByteString): Superblock {
    return {
      uuid,
      volumeName,
      blocks: this.bytes / BLOCK,
      inodes: this.inodes,
      rootNid: this.nids[0] as number,
      xattrBlock: this.sharedXattrsAt / BLOCK,
      hasChunks: this.sparse.size > 0,
      devices: this.devices,
    };
  }

  /** Length of the inode in this row with its xattrs. */
  headBytes(row: number): number {
    const set = this.xattrSets.length === 0 ? 0 : (this.xattrSets[row] as number);
    return set === 0 ? INODE_BYTES : INODE_BYTES + this.xattrs.body(set).length;
  }

  #placeInode(row: number, kind: number): void {
    const head = this.headBytes(row);
    if (kind === DIRECTORY) this.#placeWithData(row, head, this.#directoryLength(row));
    else if (kind === SYMLINK) this.#placeWithData(row, head, this.#targetLength(row));
    else {
      this.nids[row] = this.#position / INODE_SLOT;
      const plan = this.sparse.size === 0 ? undefined : this.sparse.get(row);
      const map = plan === undefined ? 0 : (-head & (CHUNK_INDEX_BYTES - 1)) + CHUNK_INDEX_BYTES * plan.map.chunks;
      this.#position = wholeInodeSlots(this.#position + head + map);
    }
    this.inodes++;
    if (this.#position > MAX_U32 * INODE_SLOT) throw tooLarge("metadata of more than 128 GiB");
  }

  #placeWithData(row: number, head: number, length: number): void {
    const tail = inlineTail(head, length);
    let at = this.#position;
    // Old kernels want a link target in one block with its inode.
    if (tail > 0 && (at % BLOCK) + head + tail > BLOCK) at = wholeBlocks(at);
    this.nids[row] = at / INODE_SLOT;
    const end = at + head + tail;
    const blocks = wholeBlocks(length - tail);
    this.#position = blocks === 0 ? wholeInodeSlots(end) : wholeBlocks(end) + blocks;
  }

  #directoryLength(row: number): number {
    const length = this.packer.pack(row);
    if (length > MAX_U32) throw tooLarge("a directory of more than 4 GiB");
    return length;
  }

  #targetLength(row: number): number {
    const { layers, layer, entry } = this.table;
    const length = (layers[layer[row] as number] as LayerIndex).linkLength(entry[row] as number);
    if (length > LONGEST_TARGET) throw unrepresentable(this.table, row, "its target is longer than 4095 bytes");
    return length;
  }

  #useLayer(row: number, index: LayerIndex, at: number): void {
    const { columns, tarSize } = index;
    const dataOffset = columns.dataOffset[at] as number;
    const size = columns.size[at] as number;
    const sparse = columns.extra[at] === 0 ? undefined : index.sparse(at);
    if (tarSize === 0) throw dataNotInTar(this.table, row, "its layer is no tar");
    this.#isUsed[this.table.layer[row] as number] = 1;
    if (sparse === undefined) {
      if (dataOffset % BLOCK === 0 && wholeBlocks(dataOffset + size) <= tarSize) return;
      if (dataOffset + size > tarSize) throw dataNotInTar(this.table, row, "the layer's tar ends before its data");
    }
    const map = mapChunks({ size, dataOffset, tarSize, runs: sparse ?? [{ offset: 0, length: size }] });
    if (map === undefined) throw tooLarge(`the holes of "${toText(this.table.tree.pathOf(row))}"`);
    this.sparse.set(row, { map, copiedAt: this.#copiedBytes });
    this.#copiedBytes += map.copiedBytes;
  }

  #noteXattrs(row: number, index: LayerIndex, at: number): void {
    const kept: NamedXattr[] = [];
    let isMarked = false;
    for (const [name, value] of index.xattrs(at)) {
      const isOverlay = isOverlayXattr(name);
      isMarked ||= isOverlay;
      const stored = storedName(isOverlay && this.#escapeOverlay ? escapeOverlayXattr(name) : name, value.length);
      if (stored === undefined) this.omittedXattrs.push({ path: this.table.tree.pathOf(row), name });
      else kept.push({ ...stored, value });
    }
    if (isMarked) this.overlayMarked.push(this.table.tree.pathOf(row));
    if (kept.length === 0) return;
    if (this.xattrSets.length === 0) this.xattrSets = new Uint32Array(this.table.count);
    this.xattrSets[row] = this.xattrs.add(kept);
  }
}

function nameWithNul({ names, nameStart }: TreeTable): number {
  const at = names.indexOf(0);
  return nameStart.findIndex((start, row) => start <= at && at < (nameStart[row + 1] as number));
}
