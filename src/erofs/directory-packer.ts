import type { ImageBuffer } from "./image-buffer.ts";
import { BLOCK, DIRENT_BYTES } from "./on-disk.ts";
import type { TreeTable } from "./tree-table.ts";

/** In place of a row: the directory itself, and the one above. */
const SELF = -1;
const ABOVE = -2;
const DOT = 0x2e;
const DIRECTORY_TYPE = 2;
/** Above this a native copy is cheaper than a loop. */
const SHORT_NAME = 32;

/**
 * Divides the entries of one directory into blocks and writes them: in each block its entries, then their names; all names
 * of the directory ascend by their bytes, "." and ".." among them. One packer serves many directories, one at a time.
 */
export class DirectoryPacker {
  readonly #table: TreeTable;
  #row = 0;
  #entries = new Int32Array(1024);
  #count = 0;
  /** The first entry of each block. */
  readonly #blocks: number[] = [];
  #used = 0;

  constructor(table: TreeTable) {
    this.#table = table;
  }

  /** Takes up a directory; returns its length in bytes, of which the last block counts only what it uses. */
  pack(row: number): number {
    this.#row = row;
    this.#count = 0;
    this.#blocks.length = 1;
    this.#blocks[0] = 0;
    this.#used = 0;
    const { end, nameStart, names } = this.#table;
    const last = end[row] as number;
    let dots = 0;
    for (let child = row + 1; child < last; child = end[child] as number) {
      const start = nameStart[child] as number;
      if (dots < 2) dots = this.#addDots(dots, names, start);
      this.#add(child, (nameStart[child + 1] as number) - start);
    }
    if (dots < 1) this.#add(SELF, 1);
    if (dots < 2) this.#add(ABOVE, 2);
    return (this.#blocks.length - 1) * BLOCK + this.#used;
  }

  /** Writes block number `block` of what is packed to the buffer's present position, which has room for it. */
  encodeBlock(block: number, buffer: ImageBuffer, nids: Uint32Array): void {
    const first = this.#blocks[block] as number;
    const last = this.#blocks[block + 1] ?? this.#count;
    const { words, bytes, at } = buffer;
    let nameAt = DIRENT_BYTES * (last - first);
    let word = at >>> 2;
    for (let i = first; i < last; i++, word += 3) {
      const row = this.#entries[i] as number;
      words[word] = this.#nid(row, nids);
      words[word + 2] = nameAt | ((row < 0 ? DIRECTORY_TYPE : (this.#table.direntType[row] as number)) << 16);
      nameAt += this.#copyName(row, bytes, at + nameAt);
    }
    buffer.at = at + nameAt;
  }

  #nid(row: number, nids: Uint32Array): number {
    if (row >= 0) return nids[row] as number;
    return nids[row === SELF ? this.#row : (this.#table.parent[this.#row] as number)] as number;
  }

  #copyName(row: number, target: Buffer, at: number): number {
    if (row < 0) {
      target[at] = DOT;
      if (row === SELF) return 1;
      target[at + 1] = DOT;
      return 2;
    }
    const { names, nameStart } = this.#table;
    const start = nameStart[row] as number;
    const length = (nameStart[row + 1] as number) - start;
    if (length > SHORT_NAME) names.copy(target, at, start, start + length);
    else for (let i = 0; i < length; i++) target[at + i] = names[start + i] as number;
    return length;
  }

  /** Puts "." and ".." in once the next name, which is neither, comes after them. Returns how many are in. */
  #addDots(dots: number, names: Uint8Array, start: number): number {
    const first = names[start] as number;
    if (first < DOT) return dots;
    if (dots === 0) this.#add(SELF, 1);
    if (first === DOT && (names[start + 1] as number) < DOT) return 1;
    this.#add(ABOVE, 2);
    return 2;
  }

  #add(row: number, nameLength: number): void {
    const length = DIRENT_BYTES + nameLength;
    if (this.#used + length > BLOCK) {
      this.#blocks.push(this.#count);
      this.#used = 0;
    }
    this.#used += length;
    if (this.#count === this.#entries.length) {
      const larger = new Int32Array(4 * this.#count);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.#entries[this.#count++] = row;
  }
}
