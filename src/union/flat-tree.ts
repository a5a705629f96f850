import type { ByteString } from "../base/index.ts";
import { DIRECTORY, ENTRY_TYPES, type LayerIndex, SYMLINK } from "../layer/index.ts";
import { type FileType, joinPath } from "../tree/index.ts";
import { MergedNode } from "./merged-node.ts";
import { MAX_LINKS_IN_VIEW, type PlacedSlot, pathOfSlot, type TableTree } from "./merged-tree.ts";
import { NO_ENTRY, ROOT_SLOT, type Slot } from "./slot.ts";
import type { FlatColumns, TreeColumns } from "./tree-columns.ts";
import { type WalkedTree, walkPath } from "./walk-path.ts";

interface OpenDirectory {
  readonly path: ByteString;
  /** The first slot that does not lie below it. */
  readonly end: Slot;
}

/**
 * A merged tree in its final order, without its history: a table in which a listing is one scan, and which can be kept
 * and brought back without merging anything ({@link encodeFlatTree}).
 */
export class FlatTree implements TableTree, WalkedTree {
  readonly layers: readonly LayerIndex[];
  readonly root: Slot = ROOT_SLOT;
  readonly columns: FlatColumns;
  /** All names one after the other. */
  readonly names: Buffer;
  readonly inodeCount: number;
  /** The same as one string, once somebody asked for a name: a part of it costs less than one decoded from bytes. */
  #text: ByteString | undefined;
  /** Children by name, for the directories in which somebody looked one up. */
  readonly #lookups = new Map<Slot, Map<ByteString, Slot>>();

  constructor({ layers, columns, names, inodeCount }: Omit<TreeColumns, "nameOf">) {
    this.layers = layers;
    this.columns = columns;
    this.names = names;
    this.inodeCount = inodeCount;
  }

  find(path: ByteString, { followLast }: { readonly followLast: boolean }): Slot {
    return walkPath(this, path, { followLast, maxLinks: MAX_LINKS_IN_VIEW });
  }

  node(slot: Slot): MergedNode {
    const { layer, entry, inode, nlink } = this.columns;
    return new MergedNode(this.layers, {
      layer: layer[slot] as number,
      entry: entry[slot] as number,
      inode: inode[slot] as number,
      nlink: nlink[slot] as number,
    });
  }

  typeOf(slot: Slot): FileType {
    return ENTRY_TYPES[this.#typeNumber(slot)] as FileType;
  }

  isDirectory(slot: Slot): boolean {
    return this.#typeNumber(slot) === DIRECTORY;
  }

  linkTargetOf(slot: Slot): ByteString | undefined {
    return this.#typeNumber(slot) === SYMLINK ? this.node(slot).linkTarget : undefined;
  }

  pathOf(slot: Slot): ByteString {
    return pathOfSlot(this, slot);
  }

  nameOf(slot: Slot): ByteString {
    const { nameStart } = this.columns;
    this.#text ??= this.names.toString("latin1");
    return this.#text.slice(nameStart[slot], nameStart[slot + 1]);
  }

  parentOf(slot: Slot): Slot {
    return this.columns.parent[slot] as Slot;
  }

  childOf(directory: Slot, name: ByteString): Slot | undefined {
    let lookup = this.#lookups.get(directory);
    if (lookup === undefined) {
      lookup = new Map(this.children(directory).map((slot) => [this.nameOf(slot), slot]));
      this.#lookups.set(directory, lookup);
    }
    return lookup.get(name);
  }

  children(directory: Slot): Slot[] {
    const { end } = this.columns;
    const slots: Slot[] = [];
    const last = end[directory] as number;
    for (let slot = directory + 1; slot < last; slot = end[slot] as number) slots.push(slot);
    return slots;
  }

  *walk(top: Slot = ROOT_SLOT): Generator<PlacedSlot> {
    const { end } = this.columns;
    const above: OpenDirectory[] = [];
    let directory: OpenDirectory = { path: this.pathOf(top), end: end[top] as number };
    const last = directory.end;
    yield { slot: top, path: directory.path };
    for (let slot = top + 1; slot < last; slot++) {
      while (slot >= directory.end) directory = above.pop() as OpenDirectory;
      const path = joinPath(directory.path, this.nameOf(slot));
      yield { slot, path };
      const isFilled = (end[slot] as number) > slot + 1;
      if (!isFilled) continue;
      above.push(directory);
      directory = { path, end: end[slot] as number };
    }
  }

  flatten(): FlatTree {
    return this;
  }

  #typeNumber(slot: Slot): number {
    const entry = this.columns.entry[slot] as number;
    if (entry === NO_ENTRY) return DIRECTORY;
    const index = this.layers[this.columns.layer[slot] as number] as LayerIndex;
    return index.columns.type[entry] as number;
  }
}
