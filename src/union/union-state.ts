import type { ByteString } from "../base/index.ts";
import { DIRECTORY, type LayerIndex, SYMLINK } from "../layer/index.ts";
import { Column } from "./column.ts";
import { NO_ENTRY, ROOT_SLOT, type Slot } from "./slot.ts";
import type { TreeColumns } from "./tree-columns.ts";

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
 *
 * It begins empty, or as a tree that was made before: the *base*, whose rows are its first slots. Of the layers of the base is
 * known only what came of them. Its directories are spread into maps when somebody first looks into them.
 */
export class UnionState {
  readonly layers: LayerIndex[] = [];

  readonly base: TreeColumns | undefined;
  /** How many slots are those of the base. */
  readonly #baseCount: number;
  /** Of the slots that are not the base's. */
  readonly #slotNames: ByteString[] = [];
  readonly #slotChildren: (Map<ByteString, Slot> | undefined)[] = [];
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

  constructor(base?: TreeColumns) {
    this.base = base;
    this.#baseCount = base?.columns.entry.length ?? 0;
    for (const column of [this.changeLayer, this.changeCause, this.changeEntry]) column.push(0);
    for (const column of [this.changeNode, this.changeSlot, this.changeBefore]) column.push(0);
    if (base === undefined) this.#beginEmpty();
    else this.#beginWith(base);
  }

  #beginEmpty(): void {
    for (const column of [this.nodeLayer, this.nodeEntry, this.nodeLinks]) column.push(0);
    this.#addSlot(ROOT_SLOT, "");
    this.record(ROOT_SLOT, this.addNode(0, NO_ENTRY), 0, "implied", NO_ENTRY);
    this.layerChanges.push(1);
  }

  /** Each slot of the base gets one change, as if the base's last layer had brought everything. */
  #beginWith({ layers, columns, inodeCount }: TreeColumns): void {
    const { parent, entry, inode, layer } = columns;
    const count = this.#baseCount;
    this.layers.push(...layers);
    this.#slotChildren.length = count;
    for (const column of [this.nodeLayer, this.nodeEntry, this.nodeLinks]) column.append(new Int32Array(inodeCount));
    const [nodeLayer, nodeEntry, nodeLinks] = [this.nodeLayer.values, this.nodeEntry.values, this.nodeLinks.values];
    const [rows, changes] = [new Int32Array(count), new Int32Array(count)];
    const causes = new Int32Array(count).fill(CAUSE_NUMBERS.entry);
    for (let row = 0; row < count; row++) {
      const node = inode[row] as number;
      nodeLayer[node] = layer[row] as number;
      nodeEntry[node] = entry[row] as number;
      // One change that names a file as linked is enough for it to be known as such.
      if ((nodeLinks[node] as number)++ > 0) causes[row] = CAUSE_NUMBERS.hardlink;
      rows[row] = row;
      changes[row] = row + 1;
    }
    this.#slotParent.append(parent);
    this.#slotNode.append(inode);
    this.#slotChange.append(changes);
    this.changeLayer.append(layer);
    this.changeCause.append(causes);
    this.changeEntry.append(entry);
    this.changeNode.append(inode);
    this.changeSlot.append(rows);
    this.changeBefore.append(new Int32Array(count));
    for (const _ of layers) this.layerChanges.push(1);
    this.layerChanges.push(1 + count);
  }

  /** How many slots there are, those that hold nothing now included. */
  get slotCount(): number {
    return this.#baseCount + this.#slotNames.length;
  }

  /** How many nodes there ever were, with the one that means absent. */
  get nodeCount(): number {
    return this.nodeLayer.length;
  }

  parentOf(slot: Slot): Slot {
    return this.#slotParent.at(slot);
  }

  nameOf(slot: Slot): ByteString {
    if (this.base !== undefined && slot < this.#baseCount) return this.base.nameOf(slot);
    return this.#slotNames[slot - this.#baseCount] as ByteString;
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
    return this.#childrenOf(slot) ?? NO_SLOTS;
  }

  /** Whether all below a directory is as it is in the base: nobody has looked into it, and so into none below. */
  isBelowAsInBase(directory: Slot): boolean {
    return directory < this.#baseCount && this.#slotChildren[directory] === undefined;
  }

  /** The slot of a name in a directory if it holds something now. */
  childOf(directory: Slot, name: ByteString): Slot | undefined {
    const slot = this.#childrenOf(directory)?.get(name);
    return slot !== undefined && this.nodeAt(slot) !== 0 ? slot : undefined;
  }

  /** The slot of a name in a directory, made when nothing ever was there. */
  slotFor(directory: Slot, name: ByteString): Slot {
    let children = this.#childrenOf(directory);
    if (children === undefined) {
      children = new Map();
      this.#slotChildren[directory] = children;
    }
    let slot = children.get(name);
    if (slot === undefined) {
      slot = this.#addSlot(directory, name);
      children.set(name, slot);
    }
    return slot;
  }

  #addSlot(directory: Slot, name: ByteString): Slot {
    this.#slotNode.push(0);
    this.#slotChange.push(0);
    this.#slotNames.push(name);
    this.#slotChildren.push(undefined);
    return this.#slotParent.push(directory);
  }

  #childrenOf(slot: Slot): Map<ByteString, Slot> | undefined {
    const known = this.#slotChildren[slot];
    if (known !== undefined || this.base === undefined || slot >= this.#baseCount) return known;
    const children = childrenInTable(this.base, slot);
    this.#slotChildren[slot] = children;
    return children;
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

function childrenInTable(table: TreeColumns, directory: Slot): Map<ByteString, Slot> {
  const { end } = table.columns;
  const children = new Map<ByteString, Slot>();
  const last = end[directory] as number;
  for (let row = directory + 1; row < last; row = end[row] as number) children.set(table.nameOf(row), row);
  return children;
}

const NO_SLOTS: ReadonlyMap<ByteString, Slot> = new Map();
