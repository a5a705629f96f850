import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { fileError } from "../../content/index.ts";
import { metadataUnreadable } from "./metadata-error.ts";

/**
 * LMDB maps its file and trusts it: a truncated or damaged one ends the process. This reads the same B-tree of pages with
 * every offset checked, so that damage is an error; and it reads without lock files, for users who may not write.
 */

/** The page size with which our tables are made. */
export const PAGE_BYTES = 4096;
const HEADER_BYTES = 24;
const NODE_BYTES = 8;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
const BIG_DATA = 0x01;
const OTHER_DATA = 0x06;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
const DEEPEST = 32;
/** A commit that happens while the file is read makes it read again. */
const MOST_READS = 100;

/** What one of the two meta pages says. */
interface Meta {
  readonly root: bigint;
  readonly entries: number;
  readonly lastPage: number;
  readonly transaction: bigint;
}

/** A key and its value, as bytes. */
export type Pair = readonly [key: Buffer, value: Buffer];

/**
 * Refuses a file that LMDB must not be given: no meta page that makes sense, or pages behind its end.
 * A missing or empty file is none.
 * @throws StrataError `store-metadata-unreadable`; as `fileError`
 */
export function assertMappable(path: string): void {
  const file = readHead(path);
  if (file === undefined || file.size === 0) return;
  const { lastPage } = latestMeta(file.head, path);
  // Pages at the end that were freed in the transaction that took them are never written: only a walk tells.
  if ((lastPage + 1) * PAGE_BYTES > file.size) readPairs(path);
}

/** What the tables hold is the same as long as this is. */
export interface Moment {
  readonly inode: number;
  readonly transaction: bigint;
}

/** The latest moment; undefined where there is no file, or an empty one. @throws as {@link readPairs} */
export function momentOf(path: string): Moment | undefined {
  const file = readHead(path);
  if (file === undefined || file.size === 0) return undefined;
  return { inode: file.inode, transaction: latestMeta(file.head, path).transaction };
}

/** Whether two moments are one. */
export function isSameMoment(one: Moment | undefined, other: Moment | undefined): boolean {
  return one?.inode === other?.inode && one?.transaction === other?.transaction;
}

/** The tables at one moment. */
export interface TablePairs {
  /** In order of their keys; the bytes are parts of the file as it was read. Empty where there is no file. */
  readonly pairs: readonly Pair[];
  readonly moment: Moment | undefined;
}

/**
 * All pairs of the latest transaction, while others may write.
 * A snapshot's pages are overwritten no earlier than by the second transaction after it, so a file whose latest
 * transaction is the same after reading as before was read whole. Synchronous: reading takes less time than looking through
 * what was read.
 * @throws StrataError `store-metadata-unreadable`; as `fileError`
 */
export function readPairs(path: string): TablePairs {
  for (let reads = 0; reads < MOST_READS; reads++) {
    const before = momentOf(path);
    if (before === undefined) return { pairs: [], moment: undefined };
    const bytes = attempt(path, () => readFileSync(path));
    if (bytes === undefined || bytes.length < 2 * PAGE_BYTES) throw metadataUnreadable(path, "it is too short");
    const meta = latestMeta(bytes, path);
    const after = momentOf(path);
    if (meta.transaction === before.transaction && isSameMoment(before, after)) {
      return { pairs: [...new PageReader(bytes, meta, path).pairs()], moment: before };
    }
  }
  throw metadataUnreadable(path, "it changes all the time");
}

/** Undefined where the file is missing. */
function attempt<T>(path: string, action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
}

function readHead(path: string): { head: Buffer; size: number; inode: number } | undefined {
  const fd = attempt(path, () => openSync(path, "r"));
  if (fd === undefined) return undefined;
  try {
    const head = Buffer.alloc(2 * PAGE_BYTES);
    readSync(fd, head, 0, head.length, 0);
    const { size, ino } = fstatSync(fd);
    return { head, size, inode: ino };
  } finally {
    closeSync(fd);
  }
}

function latestMeta(head: Buffer, path: string): Meta {
  const metas = [0, PAGE_BYTES].flatMap((start) => readMeta(head, start) ?? []);
  const [latest] = metas.sort((a, b) => (a.transaction < b.transaction ? 1 : -1));
  if (latest === undefined) throw metadataUnreadable(path, "it has no header of LMDB");
  return latest;
}

function readMeta(head: Buffer, start: number): Meta | undefined {
  const at = start + HEADER_BYTES;
  if (head.readUInt32LE(at) !== MAGIC || (head.readUInt32LE(at + 4) & 0xff) !== VERSION) return undefined;
  if (head.readUInt32LE(at + 24) !== PAGE_BYTES) return undefined;
  const main = at + 72;
  return {
    entries: Number(head.readBigUInt64LE(main + 32)),
    root: head.readBigUInt64LE(main + 40),
    lastPage: Number(head.readBigUInt64LE(at + 120)),
    transaction: head.readBigUInt64LE(at + 128),
  };
}

/** One walk over the tree of pages. */
class PageReader {
  readonly #bytes: Buffer;
  readonly #meta: Meta;
  readonly #path: string;
  readonly #seen = new Set<number>();

  constructor(bytes: Buffer, meta: Meta, path: string) {
    this.#bytes = bytes;
    this.#meta = meta;
    this.#path = path;
  }

  *pairs(): Generator<Pair> {
    if (this.#meta.root === NO_PAGE) return;
    let count = 0;
    let previous: Buffer | undefined;
    for (const pair of this.#page(this.#meta.root, 0)) {
      if (previous !== undefined && Buffer.compare(previous, pair[0]) >= 0)
        throw this.#damaged("keys are out of order");
      previous = pair[0];
      count++;
      yield pair;
    }
    if (count !== this.#meta.entries) throw this.#damaged(`it has ${count} of ${this.#meta.entries} entries`);
  }

  *#page(number: bigint, depth: number): Generator<Pair> {
    const start = this.#startOf(number);
    if (depth > DEEPEST) throw this.#damaged("it is too deep");
    const kind = this.#bytes.readUInt16LE(start + 18) & (BRANCH | LEAF | OVERFLOW);
    if (kind !== BRANCH && kind !== LEAF) throw this.#damaged(`page ${number} is of no kind`);
    const bytesOfPointers = this.#bytes.readUInt16LE(start + 20);
    if (bytesOfPointers > PAGE_BYTES - HEADER_BYTES) throw this.#damaged(`page ${number} has a wrong length`);
    for (let at = 0; at + 1 < bytesOfPointers; at += 2) {
      const node = HEADER_BYTES + this.#bytes.readUInt16LE(start + HEADER_BYTES + at);
      if (node + NODE_BYTES > PAGE_BYTES) throw this.#damaged(`page ${number} has a wrong pointer`);
      if (kind === LEAF) yield this.#leaf(start, node);
      else yield* this.#page(this.#child(start + node), depth + 1);
    }
  }

  #child(at: number): bigint {
    const low = BigInt(this.#bytes.readUInt32LE(at));
    return low | (BigInt(this.#bytes.readUInt16LE(at + 4)) << 32n);
  }

  #leaf(start: number, node: number): Pair {
    const at = start + node;
    const size = this.#bytes.readUInt32LE(at);
    const flags = this.#bytes.readUInt16LE(at + 4);
    const keySize = this.#bytes.readUInt16LE(at + 6);
    const data = node + NODE_BYTES + keySize;
    const isBig = (flags & BIG_DATA) !== 0;
    const held = isBig ? NODE_BYTES : size;
    if ((flags & OTHER_DATA) !== 0 || data + held > PAGE_BYTES) throw this.#damaged("an entry has a wrong length");
    const key = this.#bytes.subarray(at + NODE_BYTES, start + data);
    if (isBig) return [key, this.#overflow(this.#bytes.readBigUInt64LE(start + data), size)];
    return [key, this.#bytes.subarray(start + data, start + data + size)];
  }

  #overflow(number: bigint, size: number): Buffer {
    const start = this.#startOf(number);
    if ((this.#bytes.readUInt16LE(start + 18) & OVERFLOW) === 0) throw this.#damaged(`page ${number} is of no kind`);
    const end = start + HEADER_BYTES + size;
    if (end > this.#bytes.length) throw this.#damaged(`an entry of ${size} bytes ends behind its end`);
    return this.#bytes.subarray(start + HEADER_BYTES, end);
  }

  #startOf(number: bigint): number {
    const start = Number(number) * PAGE_BYTES;
    if (number < 2n || start + PAGE_BYTES > this.#bytes.length) throw this.#damaged(`there is no page ${number}`);
    if (this.#bytes.readBigUInt64LE(start) !== number) throw this.#damaged(`page ${number} says it is another`);
    if (this.#seen.has(start)) throw this.#damaged(`page ${number} is there twice`);
    this.#seen.add(start);
    return start;
  }

  #damaged(problem: string): Error {
    return metadataUnreadable(this.#path, problem);
  }
}
