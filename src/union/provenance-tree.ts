import { type ByteString, StrataError } from "../base/index.ts";
import { ENTRY_TYPES, type LayerIndex } from "../layer/index.ts";
import { type FileType, joinPath } from "../tree/index.ts";
import type { FlatTree } from "./flat-tree.ts";
import { flattenUnion } from "./flatten-union.ts";
import {
  changeOfSlot,
  changesOfLayer,
  eventsOfLayer,
  type LayerChange,
  type LayerEvent,
  type LayerStep,
  nodeAfter,
  stepsOfLayers,
} from "./layer-change.ts";
import { LinkedNames } from "./linked-names.ts";
import { type MergedNode, mergedNode } from "./merged-node.ts";
import { MAX_LINKS_IN_VIEW, type MergedTree, type PlacedSlot, pathOfSlot } from "./merged-tree.ts";
import { ROOT_SLOT, type Slot } from "./slot.ts";
import type { UnionState } from "./union-state.ts";
import { walkPath } from "./walk-path.ts";

/**
 * A merged tree that still knows what every layer did: the history of each path, also of those that are gone.
 *
 * A path that was replaced or deleted keeps its slot. Immutable and shared freely; it holds no resources.
 */
export class ProvenanceTree implements MergedTree {
  readonly layers: readonly LayerIndex[];
  readonly root: Slot = ROOT_SLOT;
  /** The first layer of which is known what it did: 0, or how many layers the tree has that was built on. */
  readonly firstTold: number;
  readonly #state: UnionState;
  #linked: LinkedNames | undefined;
  #flat: FlatTree | undefined;

  constructor(state: UnionState, firstTold: number) {
    this.#state = state;
    this.layers = state.layers;
    this.firstTold = firstTold;
  }

  find(path: ByteString, options: { readonly followLast: boolean }): Slot {
    return walkPath(this.#state, path, { followLast: options.followLast, maxLinks: MAX_LINKS_IN_VIEW });
  }

  node(slot: Slot): MergedNode {
    const node = this.#state.nodeAt(slot);
    const nlink = this.#state.isDirectory(slot) ? 2 + this.#countDirectories(slot) : this.#state.nodeLinks.at(node);
    return mergedNode(this.#state, node, nlink);
  }

  pathOf(slot: Slot): ByteString {
    return pathOfSlot(this.#state, slot);
  }

  nameOf(slot: Slot): ByteString {
    return this.#state.nameOf(slot);
  }

  parentOf(slot: Slot): Slot {
    return this.#state.parentOf(slot);
  }

  /** Whether a slot holds a file: false for the place of one that is gone. */
  holds(slot: Slot): boolean {
    return this.#state.nodeAt(slot) !== 0;
  }

  typeOf(slot: Slot): FileType {
    return ENTRY_TYPES[this.#state.typeOf(this.#state.nodeAt(slot))] as FileType;
  }

  isDirectory(slot: Slot): boolean {
    return this.#state.isDirectory(slot);
  }

  childOf(directory: Slot, name: ByteString): Slot | undefined {
    return this.#state.childOf(directory, name);
  }

  children(directory: Slot): Slot[] {
    const names: ByteString[] = [];
    const below = this.#state.slotsBelow(directory);
    for (const [name, slot] of below) if (this.#state.nodeAt(slot) !== 0) names.push(name);
    return names.sort().map((name) => below.get(name) as Slot);
  }

  *walk(top: Slot = ROOT_SLOT): Generator<PlacedSlot> {
    const pending: { slot: Slot; path: ByteString }[] = [{ slot: top, path: this.pathOf(top) }];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      yield at;
      if (!this.#state.isDirectory(at.slot)) continue;
      const children = this.children(at.slot);
      for (let i = children.length - 1; i >= 0; i--) {
        const slot = children[i] as Slot;
        pending.push({ slot, path: joinPath(at.path, this.#state.nameOf(slot)) });
      }
    }
  }

  flatten(): FlatTree {
    this.#flat ??= flattenUnion(this.#state);
    return this.#flat;
  }

  /**
   * What each layer from {@link firstTold} on did to one path, from the base up; also for a path that is gone (then give its
   * literal path).
   */
  history(slot: Slot): LayerChange[] {
    const changes: LayerChange[] = [];
    for (let layer = this.firstTold; layer < this.layers.length; layer++) {
      const change = changeOfSlot(this.#state, slot, layer);
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }

  /** The slot that a literal path ever had, filled or not; undefined when no layer spoke of it. Nothing is followed. */
  everAt(path: ByteString): Slot | undefined {
    let slot: Slot | undefined = ROOT_SLOT;
    for (const name of path.split("/")) if (name !== "") slot = this.#below(slot, name);
    return slot;
  }

  /**
   * Everything that one layer, {@link firstTold} or later, added, modified and deleted, in the order in which it first touched
   * each path.
   */
  changes(layer: number): Generator<LayerChange> {
    this.#assertTold(layer);
    return changesOfLayer(this.#state, layer);
  }

  /**
   * Every path that one layer touched, with what was and is there; also where it changed nothing. Order as {@link changes}.
   * @param since all layers from this one to `layer`, taken together
   */
  steps(layer: number, since: number = layer): Generator<LayerStep> {
    this.#assertTold(since);
    return stepsOfLayers(this.#state, since, layer);
  }

  /** Everything that one layer did, one thing after the other; {@link steps} tells what came of it. */
  events(layer: number): Generator<LayerEvent> {
    this.#assertTold(layer);
    return eventsOfLayer(this.#state, layer);
  }

  /**
   * The file that a slot held when the layers up to this one, the one before {@link firstTold} or later, were applied (-1: before
   * the first); undefined when none. How many names it had then, {@link namesAfter} tells.
   */
  nodeAfter(slot: Slot, layer: number): MergedNode | undefined {
    return nodeAfter(this.#state, slot, layer);
  }

  /**
   * The slots that held one inode when the layers up to this one were applied: undefined for an inode that never had more than
   * one name.
   */
  namesAfter(inode: number, layer: number): Slot[] | undefined {
    this.#linked ??= new LinkedNames(this.#state);
    return this.#linked.slotsOf(inode)?.filter((slot) => this.nodeAfter(slot, layer)?.inode === inode);
  }

  #assertTold(layer: number): void {
    if (layer >= this.firstTold) return;
    throw new StrataError({
      code: "layer-changes-unknown",
      kind: "internal",
      message: `What layer ${layer} did was not kept: only that of the layers from ${this.firstTold} on is known`,
      details: { layer },
    });
  }

  #below(slot: Slot | undefined, name: ByteString): Slot | undefined {
    return slot === undefined ? undefined : this.#state.slotsBelow(slot).get(name);
  }

  #countDirectories(slot: Slot): number {
    let count = 0;
    for (const child of this.#state.slotsBelow(slot).values()) if (this.#state.isDirectory(child)) count++;
    return count;
  }
}
