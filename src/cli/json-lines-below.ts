import type { MergedTree, Slot, TableTree } from "../union/index.ts";
import { ByteText } from "./byte-text.ts";
import { writeJsonEntry } from "./json-entry.ts";

/** Lines go to the system in pieces of so many bytes, or a line more. */
const PIECE = 256 * 1024;
const LONG_LINE = 16 * 1024;

/**
 * Everything below a directory as JSON Lines, in the order of names, parents first; in pieces, each the caller's own. For that
 * the tree becomes a table in this very order, so that a listing is one loop over its rows, which only moves bytes.
 */
export function* jsonLinesBelow(tree: MergedTree, top: Slot): Generator<Uint8Array> {
  const flat = tree.flatten();
  const rows = new RowsBelow(flat, flat.find(tree.pathOf(top), { followLast: false }));
  while (rows.areLeft) {
    const lines = new ByteText(PIECE + LONG_LINE);
    rows.write(lines);
    yield lines.view();
  }
}

const SLASH = Buffer.from("/");

interface OpenDirectory {
  /** Of its path with a slash at the end. */
  readonly pathLength: number;
  /** The first row that does not lie below it. */
  readonly end: Slot;
}

/** Walks the rows below a directory. */
class RowsBelow {
  readonly #tree: TableTree;
  readonly #last: Slot;
  #next: Slot;
  /** The path of {@link #directory} with a slash at the end, or of a row in it. */
  readonly #path = new ByteText(4096);
  #directory: OpenDirectory;
  readonly #above: OpenDirectory[] = [];

  constructor(tree: TableTree, top: Slot) {
    this.#tree = tree;
    this.#next = top + 1;
    this.#last = tree.columns.end[top] as number;
    this.#path.write(tree.pathOf(top));
    if (top !== tree.root) this.#path.copy(SLASH);
    this.#directory = { pathLength: this.#path.length, end: this.#last };
  }

  get areLeft(): boolean {
    return this.#next < this.#last;
  }

  /** Writes the next rows, as many as make a piece. */
  write(lines: ByteText): void {
    const path = this.#path;
    while (this.#next < this.#last && lines.length < PIECE) {
      const slot = this.#next++;
      this.#moveTo(slot);
      writeJsonEntry(lines, path, this.#tree.node(slot));
      this.#enter(slot);
    }
  }

  /** Makes the path that of the next row. */
  #moveTo(slot: Slot): void {
    const { columns, names } = this.#tree;
    while (slot >= this.#directory.end) this.#directory = this.#above.pop() as OpenDirectory;
    this.#path.truncate(this.#directory.pathLength);
    this.#path.copyPart(names, columns.nameStart[slot] as number, columns.nameStart[slot + 1] as number);
  }

  /** What follows lies below this row, if anything does. */
  #enter(slot: Slot): void {
    const end = this.#tree.columns.end[slot] as number;
    if (end === slot + 1) return;
    this.#path.copy(SLASH);
    this.#above.push(this.#directory);
    this.#directory = { pathLength: this.#path.length, end };
  }
}
