import type { ByteString } from "../base/index.ts";
import type { LayerIndex } from "./layer-index.ts";

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * The clean paths of the entries of a whole tree, as bytes: without `./` before them and `/` behind them; the root's is empty. All
 * that is compared here is compared without making a string, because there are millions.
 */
export class TreePaths {
  readonly #text: Buffer;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;

  constructor({ text, columns, count }: LayerIndex) {
    this.#text = text;
    this.#starts = new Uint32Array(count);
    this.#ends = new Uint32Array(count);
    for (let entry = 0; entry < count; entry++) {
      const start = columns.textStart[entry] as number;
      const end = start + (columns.nameLength[entry] as number);
      this.#starts[entry] = trimmedStart(text, start, end);
      this.#ends[entry] = trimmedEnd(text, this.#starts[entry] as number, end);
    }
  }

  /** The path as a string. */
  at(entry: number): ByteString {
    return this.#text.toString("latin1", this.#starts[entry], this.#ends[entry]);
  }

  /** Length in bytes; only the root's is 0. */
  lengthOf(entry: number): number {
    return (this.#ends[entry] as number) - (this.#starts[entry] as number);
  }

  /** Length of the path of the directory that holds the entry. */
  parentLengthOf(entry: number): number {
    const start = this.#starts[entry] as number;
    let at = (this.#ends[entry] as number) - 1;
    while (at > start && this.#text[at] !== SLASH) at--;
    return Math.max(0, at - start);
  }

  /**
   * Compares the path of an entry with that of another one, maybe of another tree, in walk order: byte by byte, where `/` counts
   * as less than all others, so that a tree lies together: `a`, `a/b`, `a-b`. Negative, 0 or positive as for `sort`.
   */
  compare(entry: number, other: TreePaths, otherEntry: number): number {
    const a = this.#text;
    const b = other.#text;
    const aStart = this.#starts[entry] as number;
    const bStart = other.#starts[otherEntry] as number;
    const aLength = (this.#ends[entry] as number) - aStart;
    const bLength = (other.#ends[otherEntry] as number) - bStart;
    const shorter = Math.min(aLength, bLength);
    for (let i = 0; i < shorter; i++) {
      const x = a[aStart + i] as number;
      const y = b[bStart + i] as number;
      if (x !== y) return (x === SLASH ? 0 : x) - (y === SLASH ? 0 : y);
    }
    return aLength - bLength;
  }

  /** Whether an entry lies below a directory of the same tree, at any depth. */
  isBelow(entry: number, directory: number): boolean {
    const start = this.#starts[entry] as number;
    const length = this.lengthOf(directory);
    if (this.lengthOf(entry) <= length) return false;
    if (length === 0) return true;
    if (this.#text[start + length] !== SLASH) return false;
    const top = this.#starts[directory] as number;
    // From the end: neighbours differ there.
    for (let i = length - 1; i >= 0; i--) if (this.#text[start + i] !== this.#text[top + i]) return false;
    return true;
  }

  /** The number of the entry at a path among the first `count`, which are in walk order; -1 when there is none. */
  find(path: ByteString, count = this.#starts.length): number {
    const wanted = Buffer.from(path, "latin1");
    const start = trimmedStart(wanted, 0, wanted.length);
    const end = trimmedEnd(wanted, start, wanted.length);
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.#compareBytes(middle, wanted.subarray(start, end));
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return -1;
  }

  #compareBytes(entry: number, path: Uint8Array): number {
    const start = this.#starts[entry] as number;
    const length = this.lengthOf(entry);
    for (let i = 0; i < length && i < path.length; i++) {
      const x = this.#text[start + i] as number;
      const y = path[i] as number;
      if (x !== y) return (x === SLASH ? 0 : x) - (y === SLASH ? 0 : y);
    }
    return length - path.length;
  }
}

function trimmedStart(text: Uint8Array, start: number, end: number): number {
  if (start === end || text[start] !== DOT) return start;
  if (end - start === 1) return end;
  return text[start + 1] === SLASH ? start + 2 : start;
}

function trimmedEnd(text: Uint8Array, start: number, end: number): number {
  return end > start && text[end - 1] === SLASH ? end - 1 : end;
}
