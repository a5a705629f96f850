import type { ByteString } from "../base/index.ts";
import { allocateFlatColumns, type FlatColumns } from "./tree-columns.ts";

/** Room at first: most layers that are in no order show it soon. */
const FIRST_ROWS = 4096;
/** More than one name takes. */
const FIRST_NAMES = 64 * 1024;
const GROWTH = 4;

/** In place of its end, of a directory to which more may come. */
const STILL_OPEN = 0;

/** How much rows may come to take. */
export interface RowsBound {
  readonly rows: number;
  /** Bytes of all names. */
  readonly names: number;
}

/** A row without its number and name. */
export interface NewRow {
  readonly parent: number;
  readonly entry: number;
  readonly inode: number;
}

/** A table that is filled row by row, in the order of a walk. Row 0 is the root, a directory that is open. */
export class GrowingRows {
  readonly #bound: RowsBound;
  columns: FlatColumns;
  names: Buffer;
  count = 1;

  constructor(bound: RowsBound, root: Pick<NewRow, "entry" | "inode">) {
    this.#bound = bound;
    this.names = Buffer.allocUnsafe(Math.min(bound.names, FIRST_NAMES));
    this.columns = allocateFlatColumns(Math.min(bound.rows, FIRST_ROWS));
    this.columns.entry[0] = root.entry;
    this.columns.inode[0] = root.inode;
    this.open(0);
  }

  /** Adds a row with the name `text[start .. end)`; returns its number. */
  add({ parent, entry, inode }: NewRow, text: Uint8Array, start: number, end: number): number {
    const row = this.count++;
    if (row === this.columns.entry.length) this.#growRows();
    const { columns } = this;
    columns.parent[row] = parent;
    columns.end[row] = row + 1;
    columns.entry[row] = entry;
    columns.inode[row] = inode;
    columns.nlink[row] = 1;
    let at = columns.nameStart[row] as number;
    if (at + end - start > this.names.length) this.#growNames();
    const { names } = this;
    for (let i = start; i < end; i++) names[at++] = text[i] as number;
    columns.nameStart[row + 1] = at;
    return row;
  }

  /** The row is a directory, and what comes may lie below it. */
  open(row: number): void {
    this.columns.end[row] = STILL_OPEN;
    this.columns.nlink[row] = 2;
  }

  /** All below it is there. */
  close(row: number): void {
    this.columns.end[row] = this.count;
  }

  isOpen(row: number): boolean {
    return this.columns.end[row] === STILL_OPEN;
  }

  nameOf(row: number): ByteString {
    const { nameStart } = this.columns;
    return this.names.toString("latin1", nameStart[row], nameStart[row + 1]);
  }

  #growRows(): void {
    const larger = allocateFlatColumns(Math.min(this.#bound.rows, GROWTH * this.count));
    for (const name of Object.keys(larger) as (keyof FlatColumns)[]) larger[name].set(this.columns[name]);
    this.columns = larger;
  }

  #growNames(): void {
    const larger = Buffer.allocUnsafe(Math.min(this.#bound.names, GROWTH * this.names.length));
    larger.set(this.names);
    this.names = larger;
  }
}
