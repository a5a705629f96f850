import type { MergedTree, Slot, TableTree } from "../union/index.ts";
import { ByteText } from "./byte-text.ts";
import { writeJsonEntry } from "./json-entry.ts";
import type { Output } from "./output.ts";

/**
 * Prints everything below a directory as JSON Lines, in the order of names, parents first. For that the tree becomes a table in
 * this very order, so that a listing is one loop over its rows, which only moves bytes.
 */
export async function listAllAsJson(stdout: Output, tree: MergedTree, top: Slot): Promise<void> {
  const flat = tree.flatten();
  const rows = new RowsBelow(flat, flat.find(tree.pathOf(top), { followLast: false }));
  while (rows.print(stdout)) await stdout.flush();
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

  /** Prints rows until there are no more, or the output is full and more are left: then it returns true. */
  print(stdout: Output): boolean {
    const path = this.#path;
    const lines = stdout.bytes;
    while (this.#next < this.#last && !stdout.isFull) {
      const slot = this.#next++;
      this.#moveTo(slot);
      writeJsonEntry(lines, path, this.#tree.node(slot));
      this.#enter(slot);
    }
    return this.#next < this.#last;
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
