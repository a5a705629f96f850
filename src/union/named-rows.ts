import type { ByteString } from "../base/index.ts";
import type { GrowingRows } from "./growing-rows.ts";
import { ROOT_SLOT } from "./slot.ts";

/** Children of a directory by name, as far as somebody had them looked through. */
interface Lookup {
  readonly rows: Map<ByteString, number>;
  next: number;
}

/** Finds rows of a table by their paths while it grows. A directory is looked through when somebody asks, each child once. */
export class NamedRows {
  readonly #rows: GrowingRows;
  readonly #isDirectory: (row: number) => boolean;
  readonly #lookups = new Map<number, Lookup>();

  constructor(rows: GrowingRows, isDirectory: (row: number) => boolean) {
    this.#rows = rows;
    this.#isDirectory = isDirectory;
  }

  /** The row of a clean path, without following symlinks; undefined where there is none yet. */
  find(path: ByteString): number | undefined {
    let row: number | undefined = ROOT_SLOT;
    for (const name of path.split("/")) {
      row = this.#isDirectory(row) ? this.#childOf(row, name) : undefined;
      if (row === undefined) return undefined;
    }
    return row;
  }

  #childOf(directory: number, name: ByteString): number | undefined {
    const rows = this.#rows;
    const { end } = rows.columns;
    const lookup = this.#lookupOf(directory);
    const last = rows.isOpen(directory) ? rows.count : (end[directory] as number);
    for (let row = lookup.next; row < last && !rows.isOpen(row); row = end[row] as number) {
      lookup.rows.set(rows.nameOf(row), row);
      lookup.next = end[row] as number;
    }
    const known = lookup.rows.get(name);
    if (known !== undefined || lookup.next >= last) return known;
    // The last child is open: where what lies below it ends, and others may follow, is not known yet.
    return rows.nameOf(lookup.next) === name ? lookup.next : undefined;
  }

  #lookupOf(directory: number): Lookup {
    const known = this.#lookups.get(directory);
    if (known !== undefined) return known;
    const lookup = { rows: new Map<ByteString, number>(), next: directory + 1 };
    this.#lookups.set(directory, lookup);
    return lookup;
  }
}
