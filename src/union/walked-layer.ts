import type { ByteString } from "../base/index.ts";
import {
  DIRECTORY,
  HARDLINK,
  type LayerIndex,
  lastSlashIfClean,
  markerOf,
  ociWhiteouts,
  UNCLEAN,
  type WhiteoutCodec,
} from "../layer/index.ts";
import { clampEntryName } from "../tree/index.ts";
import { FlatTree } from "./flat-tree.ts";
import { GrowingRows } from "./growing-rows.ts";
import type { TableTree } from "./merged-tree.ts";
import { NamedRows } from "./named-rows.ts";
import { NO_ENTRY, ROOT_SLOT } from "./slot.ts";
import { firstRows } from "./tree-columns.ts";

const SLASH = 0x2f;
const DOT = 0x2e;
const W = 0x77;
const H = 0x68;
/** Inodes are numbered as in a union: 0 is nothing, and the root has one before any entry speaks of it. */
const ROOT_INODE = 1;
/** The inode of the first entry of a {@link WalkedLayer}. */
export const FIRST_OWN_INODE: number = ROOT_INODE + 1;

/** What a layer takes away from one directory of those below: these names, or all. */
export type Removal = ReadonlySet<ByteString> | "all";

/** A layer as a table. */
export interface WalkedLayer {
  /** What it places: a tree of its own, with layer 0 for its entries. */
  readonly table: TableTree;
  /** What it takes away, by the rows of its directories. */
  readonly removals: ReadonlyMap<number, Removal>;
}

/**
 * A layer that lists its tree in the order of a walk, as what is packed from directories mostly does: every path once, behind its
 * directory and all that lies in earlier ones, names ascending, nothing implied, no symlink on the way. Then the entries are the rows
 * of a table as they stand, with the very numbers that merging gives, and no name is looked up.
 *
 * @returns undefined for every other layer, and for one with a hardlink to a name that does not come before it: what comes of
 *   that, or whether anything does, merging finds out
 */
export function walkedLayer(index: LayerIndex, codec: WhiteoutCodec = ociWhiteouts): WalkedLayer | undefined {
  const hasMarkers = codec.mayHaveMarkers(index);
  if (hasMarkers && codec !== ociWhiteouts) return undefined;
  const rows = new WalkedRows(index, hasMarkers);
  for (let entry = 0; entry < index.count; entry++) if (!rows.add(entry)) return undefined;
  return rows.finish();
}

/** A directory to which more may come. Positions are those in the layer's text. */
interface OpenDirectory {
  readonly row: number;
  readonly pathStart: number;
  readonly pathLength: number;
  /** The name of its last child; empty before the first. */
  lastStart: number;
  lastEnd: number;
}

/** The table while it is filled. A method that returns false has found out that the layer is not in order. */
class WalkedRows {
  readonly #index: LayerIndex;
  /** Whether some name may be a marker of OCI's. */
  readonly #hasMarkers: boolean;
  readonly #rows: GrowingRows;
  readonly #named: NamedRows;
  #inodeCount = FIRST_OWN_INODE;
  #directory: OpenDirectory = { row: ROOT_SLOT, pathStart: 0, pathLength: 0, lastStart: 0, lastEnd: 0 };
  readonly #above: OpenDirectory[] = [];
  /** By inode: the rows of files that have several. */
  readonly #linked = new Map<number, number[]>();
  readonly #removals = new Map<number, Set<ByteString> | "all">();

  constructor(index: LayerIndex, hasMarkers: boolean) {
    this.#index = index;
    this.#hasMarkers = hasMarkers;
    const bound = { rows: index.count + 1, names: index.text.length };
    this.#rows = new GrowingRows(bound, { entry: NO_ENTRY, inode: ROOT_INODE });
    this.#named = new NamedRows(this.#rows, (row) => this.#isDirectory(row));
  }

  add(entry: number): boolean {
    const { text, columns } = this.#index;
    const nameStart = columns.textStart[entry] as number;
    let end = nameStart + (columns.nameLength[entry] as number);
    const start = nameStart + prefixLength(text, nameStart);
    if (start >= end) return this.#addRoot(entry);
    if (text[end - 1] === SLASH) end--;
    const slash = lastSlashIfClean(text, start, end);
    if (slash === UNCLEAN) return false;
    return slash < 0
      ? this.#enter(start, start) && this.#addNamed(entry, start, start, end)
      : this.#enter(start, slash) && this.#addNamed(entry, start, slash + 1, end);
  }

  finish(): WalkedLayer {
    const rows = this.#rows;
    for (let open: OpenDirectory | undefined = this.#directory; open !== undefined; open = this.#above.pop()) {
      rows.close(open.row);
    }
    const { count, names } = rows;
    const columns = firstRows(rows.columns, count);
    for (const linked of this.#linked.values()) for (const row of linked) columns.nlink[row] = linked.length;
    const table = new FlatTree({
      layers: [this.#index],
      columns,
      names: names.subarray(0, columns.nameStart[count]),
      inodeCount: this.#inodeCount,
    });
    return { table, removals: this.#removals };
  }

  /** Directories come first, so the root does, if it comes at all. */
  #addRoot(entry: number): boolean {
    if (entry !== 0 || this.#index.columns.type[entry] !== DIRECTORY) return false;
    const { columns } = this.#rows;
    columns.entry[ROOT_SLOT] = entry;
    columns.inode[ROOT_SLOT] = this.#inodeCount++;
    return true;
  }

  /** Leaves directories until the one with the path `text[start .. end)` is open. */
  #enter(start: number, end: number): boolean {
    const { text } = this.#index;
    const length = end - start;
    while (this.#directory.pathLength > length) {
      this.#rows.close(this.#directory.row);
      this.#directory = this.#above.pop() as OpenDirectory;
    }
    const { pathStart, pathLength } = this.#directory;
    if (pathLength !== length) return false;
    for (let i = length - 1; i >= 0; i--) if (text[pathStart + i] !== text[start + i]) return false;
    return true;
  }

  #addNamed(entry: number, pathStart: number, start: number, end: number): boolean {
    const directory = this.#directory;
    const { text, columns } = this.#index;
    if (!isBefore(text, directory, start, end)) return false;
    directory.lastStart = start;
    directory.lastEnd = end;
    if (this.#hasMarkers && isMarker(text, start)) return this.#addMarker(start, end);
    const type = columns.type[entry] as number;
    if (type === HARDLINK) return this.#addLink(entry, start, end);
    const row = this.#rows.add({ parent: directory.row, entry, inode: this.#inodeCount++ }, text, start, end);
    if (type !== DIRECTORY) return true;
    this.#rows.open(row);
    (this.#rows.columns.nlink[directory.row] as number)++;
    this.#above.push(directory);
    this.#directory = { row, pathStart, pathLength: end - pathStart, lastStart: 0, lastEnd: 0 };
    return true;
  }

  #addMarker(start: number, end: number): boolean {
    const marker = markerOf(this.#index.text.toString("latin1", start, end));
    if (marker === undefined) return false;
    const { row } = this.#directory;
    const removed = this.#removals.get(row);
    if ("opaque" in marker) this.#removals.set(row, "all");
    else if (removed === undefined) this.#removals.set(row, new Set([marker.hidden]));
    else if (removed !== "all") removed.add(marker.hidden);
    return true;
  }

  /** A hardlink is another row of the file that it names, whatever its own header says. */
  #addLink(entry: number, start: number, end: number): boolean {
    const target = this.#named.find(clampEntryName(this.#index.linkName(entry)));
    if (target === undefined || this.#isDirectory(target)) return false;
    const { columns } = this.#rows;
    const file = { entry: columns.entry[target] as number, inode: columns.inode[target] as number };
    const row = this.#rows.add({ parent: this.#directory.row, ...file }, this.#index.text, start, end);
    const linked = this.#linked.get(file.inode);
    if (linked === undefined) this.#linked.set(file.inode, [target, row]);
    else linked.push(row);
    return true;
  }

  #isDirectory(row: number): boolean {
    const entry = this.#rows.columns.entry[row] as number;
    return entry === NO_ENTRY || this.#index.columns.type[entry] === DIRECTORY;
  }
}

/** Whether a name begins as OCI's markers do. */
function isMarker(text: Uint8Array, start: number): boolean {
  return text[start] === DOT && text[start + 1] === W && text[start + 2] === H && text[start + 3] === DOT;
}

/** How much of a name says only that it begins at the root: `/`, `./`, or nothing. */
function prefixLength(text: Uint8Array, start: number): number {
  if (text[start] === SLASH) return 1;
  return text[start] === DOT && text[start + 1] === SLASH ? 2 : 0;
}

/** Whether the last name of a directory comes before `text[start .. end)`, by their bytes. */
function isBefore(text: Uint8Array, { lastStart, lastEnd }: OpenDirectory, start: number, end: number): boolean {
  const lastLength = lastEnd - lastStart;
  const length = end - start;
  const shorter = Math.min(lastLength, length);
  for (let i = 0; i < shorter; i++) {
    const difference = (text[start + i] as number) - (text[lastStart + i] as number);
    if (difference !== 0) return difference > 0;
  }
  return lastLength < length;
}
