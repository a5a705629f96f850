import { BLOCK as BLOCK_DEVICE, CHAR, DIRECTORY, ENTRY_TYPES, FILE, type LayerIndex, SYMLINK } from "../layer/index.ts";
import { TYPE_BITS } from "../tree/index.ts";
import { chunkLength } from "./chunk-map.ts";
import type { ImageBuffer } from "./image-buffer.ts";
import { type ImageLayout, inlineTail, type SparsePlan } from "./image-layout.ts";
import {
  BLOCK,
  BLOCK_BITS,
  CHUNK_BASED,
  CHUNK_INDEX_BYTES,
  CHUNK_INDEXES,
  EXTENDED,
  FLAT_INLINE,
  FLAT_PLAIN,
  INODE_BYTES,
  INODE_SLOT,
  LAYOUT_SHIFT,
  MAX_U32,
  wholeBlocks,
  XATTR_ENTRY_BYTES,
  XATTR_HEADER_BYTES,
} from "./on-disk.ts";

const TWO_TO_32 = 2 ** 32;
const MODE_BITS = modeBits();
/** A directory that no entry describes: as in a merged tree. */
const IMPLIED_MODE = 0o755;
/** In the first half of a chunk index: a hole. */
const NO_DEVICE = MAX_U32;

/** What an inode says besides what its entry does. */
interface InodeFacts {
  readonly layout: number;
  readonly size: number;
  /** i_u: first block, device number or chunk format, after the layout. */
  readonly value: number;
}

/** Writes inodes, and what lies behind each, where an {@link ImageLayout} has placed them. */
export class InodeWriter {
  readonly #layout: ImageLayout;
  readonly #buffer: ImageBuffer;
  #written = 0;

  constructor(layout: ImageLayout, buffer: ImageBuffer) {
    this.#layout = layout;
    this.#buffer = buffer;
  }

  /** Writes the rows from `from` on until the buffer has full chunks; returns the next row. */
  write(from: number): number {
    const { table, nids } = this.#layout;
    let row = from;
    for (; row < table.count && !this.#buffer.isFull; row++) {
      const position = (nids[row] as number) * INODE_SLOT;
      // A further name of an inode that is there already.
      if (position < this.#buffer.position) continue;
      this.#buffer.skipTo(position);
      this.#writeRow(row);
    }
    return row;
  }

  #writeRow(row: number): void {
    const { table } = this.#layout;
    switch (table.type[row]) {
      case DIRECTORY:
        this.#writeDirectory(row);
        break;
      case SYMLINK:
        this.#writeSymlink(row);
        break;
      case FILE:
        this.#writeFile(row);
        break;
      default:
        this.#writeHead(row, { layout: FLAT_PLAIN, size: 0, value: this.#device(row) });
    }
  }

  #writeFile(row: number): void {
    const { table, sparse, firstBlockOf } = this.#layout;
    const plan = sparse.size === 0 ? undefined : sparse.get(row);
    if (plan !== undefined) {
      this.#writeSparse(row, plan);
      return;
    }
    const layer = table.layer[row] as number;
    const { size, dataOffset } = (table.layers[layer] as LayerIndex).columns;
    const entry = table.entry[row] as number;
    const length = size[entry] as number;
    const block = length === 0 ? 0 : (firstBlockOf[layer] as number) + (dataOffset[entry] as number) / BLOCK;
    this.#writeHead(row, { layout: FLAT_PLAIN, size: length, value: block });
  }

  #writeDirectory(row: number): void {
    const { packer, nids } = this.#layout;
    const length = packer.pack(row);
    const { blocks, dataAt, isInline } = this.#writeDataHead(row, length);
    const buffer = this.#buffer;
    if (isInline) packer.encodeBlock(blocks, buffer, nids);
    for (let block = 0; block < blocks; block++) {
      buffer.skipTo(dataAt + block * BLOCK);
      buffer.reserve(BLOCK);
      packer.encodeBlock(block, buffer, nids);
    }
  }

  #writeSymlink(row: number): void {
    const { table } = this.#layout;
    const { text, columns } = table.layers[table.layer[row] as number] as LayerIndex;
    const entry = table.entry[row] as number;
    const start = (columns.textStart[entry] as number) + (columns.nameLength[entry] as number);
    const end = columns.textStart[entry + 1] as number;
    const { blocks, dataAt, isInline } = this.#writeDataHead(row, end - start);
    const tailStart = isInline ? start + blocks * BLOCK : end;
    this.#buffer.append(text.subarray(tailStart, end));
    if (blocks > 0) this.#buffer.skipTo(dataAt);
    this.#buffer.append(text.subarray(start, tailStart));
  }

  /** The inode of what has its data with it; afterwards the buffer has room for the tail behind it. */
  #writeDataHead(row: number, length: number) {
    const head = this.#layout.headBytes(row);
    const tail = inlineTail(head, length);
    const blocks = wholeBlocks(length - tail) / BLOCK;
    this.#buffer.reserve(head + BLOCK);
    const dataAt = wholeBlocks(this.#buffer.position + head + tail);
    const value = blocks === 0 ? 0 : dataAt / BLOCK;
    this.#writeHead(row, { layout: tail > 0 ? FLAT_INLINE : FLAT_PLAIN, size: length, value });
    return { blocks, dataAt, isInline: tail > 0 };
  }

  #writeSparse(row: number, { map, copiedAt }: SparsePlan): void {
    const { table, deviceOf } = this.#layout;
    const layer = table.layer[row] as number;
    const { size } = (table.layers[layer] as LayerIndex).columns;
    const length = size[table.entry[row] as number] as number;
    this.#writeHead(row, { layout: CHUNK_BASED, size: length, value: (map.chunkBits - BLOCK_BITS) | CHUNK_INDEXES });
    const buffer = this.#buffer;
    buffer.skipTo(buffer.position + (-buffer.position & (CHUNK_INDEX_BYTES - 1)));
    const blocksPerChunk = 2 ** (map.chunkBits - BLOCK_BITS);
    let copied = (this.#layout.copiedAt + copiedAt) / BLOCK;
    for (const { kind, first, count, storedAt } of map.runs) {
      for (let i = 0; i < count; i++) {
        if (kind === "hole") this.#writeChunkIndex(NO_DEVICE, MAX_U32);
        else if (kind === "stored") {
          this.#writeChunkIndex((deviceOf[layer] as number) << 16, storedAt / BLOCK + i * blocksPerChunk);
        } else {
          this.#writeChunkIndex(0, copied);
          copied += chunkLength(first + i, map.chunkBits, length) / BLOCK;
        }
      }
    }
  }

  #writeChunkIndex(device: number, block: number): void {
    const buffer = this.#buffer;
    buffer.reserve(CHUNK_INDEX_BYTES);
    const word = buffer.at >>> 2;
    buffer.words[word] = device;
    buffer.words[word + 1] = block;
    buffer.at += CHUNK_INDEX_BYTES;
  }

  /** kernel's new_encode_dev of a device; 0 of everything else. */
  #device(row: number): number {
    const { table } = this.#layout;
    const kind = table.type[row];
    if (kind !== CHAR && kind !== BLOCK_DEVICE) return 0;
    const { device } = (table.layers[table.layer[row] as number] as LayerIndex).columns;
    const [major, minor] = [
      (device[table.entry[row] as number] as number) >>> 20,
      (device[table.entry[row] as number] as number) & 0xf_ffff,
    ];
    return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
  }

  /** An inode and its xattrs. */
  #writeHead(row: number, { layout, size, value }: InodeFacts): void {
    const { table, xattrSets } = this.#layout;
    const buffer = this.#buffer;
    const set = xattrSets.length === 0 ? 0 : (xattrSets[row] as number);
    const body = set === 0 ? undefined : this.#layout.xattrs.body(set);
    buffer.reserve(INODE_BYTES + (body?.length ?? 0));
    const { words } = buffer;
    const w = buffer.at >>> 2;
    const units = body === undefined ? 0 : 1 + (body.length - XATTR_HEADER_BYTES) / XATTR_ENTRY_BYTES;
    words[w] = EXTENDED | (layout << LAYOUT_SHIFT) | (units << 16);
    words[w + 2] = size;
    words[w + 3] = size / TWO_TO_32;
    words[w + 4] = value;
    words[w + 5] = ++this.#written;
    words[w + 11] = table.nlink[row] as number;
    const entry = table.entry[row] as number;
    const typeBits = MODE_BITS[table.type[row] as number] as number;
    if (entry < 0) words[w + 1] = typeBits | IMPLIED_MODE;
    else {
      const { columns } = table.layers[table.layer[row] as number] as LayerIndex;
      const seconds = columns.mtimeSeconds[entry] as number;
      words[w + 1] = typeBits | (columns.mode[entry] as number);
      words[w + 6] = columns.uid[entry] as number;
      words[w + 7] = columns.gid[entry] as number;
      words[w + 8] = seconds;
      words[w + 9] = Math.floor(seconds / TWO_TO_32);
      words[w + 10] = columns.mtimeNanoseconds[entry] as number;
    }
    buffer.at += INODE_BYTES;
    if (body !== undefined) buffer.append(body);
  }
}

function modeBits(): Uint16Array {
  const bits = new Uint16Array(ENTRY_TYPES.length);
  ENTRY_TYPES.forEach((type, number) => {
    bits[number] = TYPE_BITS[type === "hardlink" ? "file" : type];
  });
  return bits;
}
