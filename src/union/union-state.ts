import type { ByteString } from "../base/index.ts";
import { DIRECTORY, type LayerIndex, SYMLINK } from "../layer/index.ts";
import { Column } from "./column.ts";

/** Number of a slot: a name at a place. The root is 0. */
export type Slot = number;

export const ROOT_SLOT: Slot = 0;

/** In the entry columns: a directory that no entry describes, implied by a path below it. */
export const NO_ENTRY = -1;

/** Why a slot changed. The change log stores the positions. */
export const CHANGE_CAUSES = ["entry", "hardlink", "implied", "whiteout", "opaque", "ancestor"] as const;
/**
 * Why a slot changed: an entry for it, a hardlink to another file, a path below it (`implied`), a whiteout, an opaque marker, or
 * a directory above it that went away or was replaced (`ancestor`).
 */
export type ChangeCause = (typeof CHANGE_CAUSES)[number];

const CAUSE_NUMBERS = Object.fromEntries(CHANGE_CAUSES.map((cause, number) => [cause, number])) as Readonly<
  Record<ChangeCause, number>
>;

/**
 * Everything a union knows, in columns.
 *
 * A *slot* is a path that some layer ever spoke of; it is never freed, so each path keeps its whole history. A *node* is
 * what a slot holds at a time: one entry of one layer, or an implied directory; two slots with one node are hardlinks.
 * Node 0 means absent. Children belong to slots, so a directory whose attributes change keeps them.
 * A *change* is one event at one slot; the changes of a slot form a chain from the newest to the oldest, and the
 * changes of a layer lie next to each other. Change 0 ends a chain.
 */
export class UnionState {
  readonly layers: LayerIndex[] = [];

  readonly #slotNames: ByteString[] = [""];
  readonly #slotChildren: (Map<ByteString, Slot> | undefined)[] = [undefined];
  readonly #slotParent = new Column();
  readonly #slotNode = new Column();
  readonly #slotChange = new Column();

  readonly nodeLayer = new Column();
  readonly nodeEntry = new Column();
  readonly nodeLinks = new Column();

  readonly changeLayer = new Column();
  readonly changeCause = new Column();
  readonly changeEntry = new Column();
  readonly changeNode = new Column();
  readonly changeSlot = new Column();
  readonly changeBefore = new Column();
  /** First change of each layer, and after the last layer the number of changes. */
  readonly layerChanges: number[] = [];

  constructor() {
    this.#slotParent.push(ROOT_SLOT);
    this.#slotNode.push(0);
    this.#slotChange.push(0);
    for (const column of [this.nodeLayer, this.nodeEntry, this.nodeLinks]) column.push(0);
    for (const column of [this.changeLayer, this.changeCause, this.changeEntry]) column.push(0);
    for (const column of [this.changeNode, this.changeSlot, this.changeBefore]) column.push(0);
    this.record(ROOT_SLOT, this.addNode(0, NO_ENTRY), 0, "implied", NO_ENTRY);
    this.layerChanges.push(1);
  }

  /** How many slots there are, those that hold nothing now included. */
  get slotCount(): number {
    return this.#slotNames.length;
  }

  parentOf(slot: Slot): Slot {
    return this.#slotParent.at(slot);
  }

  nameOf(slot: Slot): ByteString {
    return this.#slotNames[slot] as ByteString;
  }

  /** Node that the slot holds now; 0 when absent. */
  nodeAt(slot: Slot): number {
    return this.#slotNode.at(slot);
  }

  /** Newest change of the slot. */
  lastChange(slot: Slot): number {
    return this.#slotChange.at(slot);
  }

  /** Type number of a node, as in the columns of a layer index. */
  typeOf(node: number): number {
    const entry = this.nodeEntry.at(node);
    if (entry === NO_ENTRY) return DIRECTORY;
    return (this.layers[this.nodeLayer.at(node)] as LayerIndex).columns.type[entry] as number;
  }

  isDirectory(slot: Slot): boolean {
    const node = this.nodeAt(slot);
    return node !== 0 && this.typeOf(node) === DIRECTORY;
  }

  /** Target of a slot that holds a symlink; undefined for every other slot. */
  linkTargetOf(slot: Slot): ByteString | undefined {
    const node = this.nodeAt(slot);
    if (node === 0 || this.typeOf(node) !== SYMLINK) return undefined;
    return (this.layers[this.nodeLayer.at(node)] as LayerIndex).linkName(this.nodeEntry.at(node));
  }

  /** All slots below a slot by name, those that hold nothing now included. */
  slotsBelow(slot: Slot): ReadonlyMap<ByteString, Slot> {
    return this.#slotChildren[slot] ?? NO_SLOTS;
  }

  /** The slot of a name in a directory if it holds something now. */
  childOf(directory: Slot, name: ByteString): Slot | undefined {
    const slot = this.#slotChildren[directory]?.get(name);
    return slot !== undefined && this.nodeAt(slot) !== 0 ? slot : undefined;
  }

  /** The slot of a name in a directory, made when nothing ever was there. */
  slotFor(directory: Slot, name: ByteString): Slot {
    let children = this.#slotChildren[directory];
    if (children === undefined) {
      children = new Map();
      this.#slotChildren[directory] = children;
    }
    let slot = children.get(name);
    if (slot === undefined) {
      slot = this.#slotParent.push(directory);
      this.#slotNode.push(0);
      this.#slotChange.push(0);
      this.#slotNames.push(name);
      this.#slotChildren.push(undefined);
      children.set(name, slot);
    }
    return slot;
  }

  /** A node for an entry of a layer, without a name yet. */
  addNode(layer: number, entry: number): number {
    this.nodeLayer.push(layer);
    this.nodeLinks.push(0);
    return this.nodeEntry.push(entry);
  }

  /** Makes the slot hold `node` (0: nothing) and notes why. */
  record(slot: Slot, node: number, layer: number, cause: ChangeCause, entry: number): void {
    const before = this.nodeAt(slot);
    if (before !== 0) (this.nodeLinks.values[before] as number)--;
    if (node !== 0) (this.nodeLinks.values[node] as number)++;
    this.changeLayer.push(layer);
    this.changeCause.push(CAUSE_NUMBERS[cause]);
    this.changeEntry.push(entry);
    this.changeNode.push(node);
    this.changeSlot.push(slot);
    this.#slotNode.values[slot] = node;
    this.#slotChange.values[slot] = this.changeBefore.push(this.lastChange(slot));
  }
}

const NO_SLOTS: ReadonlyMap<ByteString, Slot> = new Map();
