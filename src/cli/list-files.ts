import { type ByteString, now, toText } from "../base/index.ts";
import type { MergedTree, Slot } from "../union/index.ts";
import { type Accounts, NO_ACCOUNTS } from "./accounts.ts";
import { arrangeColumns } from "./columns.ts";
import { jsonEntryLine } from "./json-entry.ts";
import { jsonLinesBelow } from "./json-lines-below.ts";
import { type Listed, longListing } from "./long-listing.ts";
import { widthOf } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export type SortKey = "name" | "size" | "time" | "none";

export interface ListFilesOptions {
  readonly long?: boolean;
  /** Names that begin with a dot, `.` and `..` too. */
  readonly all?: boolean;
  /** Names that begin with a dot, without those two. */
  readonly almostAll?: boolean;
  /** Directories themselves, not what is in them. */
  readonly directory?: boolean;
  readonly recursive?: boolean;
  readonly humanReadable?: boolean;
  readonly inode?: boolean;
  readonly oneLine?: boolean;
  readonly sort?: SortKey;
  readonly reverse?: boolean;
  readonly accounts?: Accounts;
}

/** A place to list and how the user called it. */
export interface ListRoot {
  readonly slot: Slot;
  readonly label: ByteString;
}

interface Place extends Listed {
  readonly slot: Slot;
}

/** What `ls` prints: files first, then each directory with a headline where there are several. */
export async function listFiles(
  terminal: Terminal,
  tree: MergedTree,
  roots: readonly ListRoot[],
  options: ListFilesOptions,
): Promise<void> {
  const isListed = ({ slot }: ListRoot): boolean => options.directory !== true && tree.isDirectory(slot);
  const files = roots
    .filter((root) => !isListed(root))
    .map(({ slot, label }) => ({ slot, label, node: tree.node(slot) }));
  const directories = roots.filter(isListed);
  const lister = new Lister(terminal, tree, options);
  if (files.length > 0) await lister.print(lister.sort(files));
  for (const [i, { slot, label }] of directories.entries()) {
    const hasHeadline = roots.length > 1 || options.recursive === true;
    await lister.directory(slot, { label, hasHeadline, isFirst: i === 0 && files.length === 0 });
  }
}

/** The same as JSON Lines: always with the names that begin with a dot, in the order of names, parents first. */
export async function listFilesAsJson(
  { stdout }: Terminal,
  tree: MergedTree,
  roots: readonly ListRoot[],
  { directory, recursive }: ListFilesOptions,
): Promise<void> {
  for (const { slot: top } of roots) {
    const isListed = directory !== true && tree.isDirectory(top);
    if (isListed && recursive === true) {
      for (const lines of jsonLinesBelow(tree, top)) await stdout.send(lines);
      continue;
    }
    for (const slot of isListed ? tree.children(top) : [top]) {
      stdout.write(`${jsonEntryLine(tree.pathOf(slot), tree.node(slot))}\n`);
      if (stdout.isFull) await stdout.flush();
    }
  }
}

interface DirectoryHeading {
  readonly label: ByteString;
  readonly hasHeadline: boolean;
  readonly isFirst: boolean;
}

/** Prints directories, one or with all below. */
class Lister {
  readonly #terminal: Terminal;
  readonly #tree: MergedTree;
  readonly #options: ListFilesOptions;
  readonly #now = now() / 1000;

  constructor(terminal: Terminal, tree: MergedTree, options: ListFilesOptions) {
    this.#terminal = terminal;
    this.#tree = tree;
    this.#options = options;
  }

  async directory(top: Slot, { label, hasHeadline, isFirst }: DirectoryHeading): Promise<void> {
    const pending = [{ slot: top, label }];
    let needsBlank = !isFirst;
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (needsBlank) this.#terminal.stdout.write("\n");
      if (hasHeadline) this.#terminal.stdout.write(`${this.#terminal.name(at.label)}:\n`);
      needsBlank = true;
      const places = this.sort(this.#placesIn(at.slot));
      await this.print(places);
      if (this.#options.recursive !== true) continue;
      for (let i = places.length - 1; i >= 0; i--) {
        const { slot, node, label: name } = places[i] as Place;
        if (node.type !== "directory" || name === "." || name === "..") continue;
        pending.push({ slot, label: at.label.endsWith("/") ? at.label + name : `${at.label}/${name}` });
      }
    }
  }

  async print(places: readonly Place[]): Promise<void> {
    const { stdout, columns } = this.#terminal;
    if (this.#options.long === true) {
      for (const line of longListing(places, this.#longOptions)) {
        stdout.write(`${line}\n`);
        if (stdout.isFull) await stdout.flush();
      }
      return;
    }
    if (columns !== undefined && this.#options.oneLine !== true) {
      stdout.write(
        arrangeColumns(
          places.map((place) => this.#cell(place)),
          columns,
        ),
      );
      return;
    }
    for (const place of places) {
      stdout.write(`${this.#short(place)}\n`);
      if (stdout.isFull) await stdout.flush();
    }
  }

  /** The places in the order asked for: names ascending, sizes and times descending. */
  sort(places: readonly Place[]): readonly Place[] {
    const { sort = "name", reverse = false } = this.#options;
    const sorted = [...places];
    const compare = COMPARE[sort];
    if (compare !== undefined) sorted.sort(compare);
    return reverse ? sorted.reverse() : sorted;
  }

  #placesIn(directory: Slot): Place[] {
    const tree = this.#tree;
    const { all = false, almostAll = false } = this.#options;
    const places: Place[] = [];
    if (all) {
      places.push({ slot: directory, label: ".", node: tree.node(directory) });
      places.push({ slot: tree.parentOf(directory), label: "..", node: tree.node(tree.parentOf(directory)) });
    }
    for (const slot of tree.children(directory)) {
      const label = tree.nameOf(slot);
      if (all || almostAll || !label.startsWith(".")) places.push({ slot, label, node: tree.node(slot) });
    }
    return places;
  }

  #short({ label, node }: Place): ByteString {
    const inode = this.#options.inode === true ? `${node.inode} ` : "";
    return inode + this.#terminal.style.file(node, this.#terminal.name(label));
  }

  #cell(place: Place): { text: ByteString; width: number } {
    const text = this.#short(place);
    return { text, width: widthOf(toText(text)) };
  }

  get #longOptions(): Parameters<typeof longListing>[1] {
    const { accounts = NO_ACCOUNTS, humanReadable = false, inode = false } = this.#options;
    return { terminal: this.#terminal, accounts, isHuman: humanReadable, withInode: inode, now: this.#now };
  }
}

type Compare = (a: Place, b: Place) => number;

const byName: Compare = (a, b) => (a.label < b.label ? -1 : Number(a.label !== b.label));
const bySize: Compare = (a, b) => b.node.size - a.node.size || byName(a, b);
const byTime: Compare = (a, b) =>
  b.node.mtime.seconds - a.node.mtime.seconds || b.node.mtime.nanoseconds - a.node.mtime.nanoseconds || byName(a, b);

const COMPARE: Readonly<Record<SortKey, Compare | undefined>> = {
  name: byName,
  size: bySize,
  time: byTime,
  none: undefined,
};
