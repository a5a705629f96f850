import { type ByteString, StrataError } from "../base/index.ts";
import {
  type ChangesetPlacement,
  type ChangesetPlan,
  type ChangesetRemoval,
  DIRECTORY,
  type LayerIndex,
  whereIs,
} from "../layer/index.ts";
import { removeFromLower, removeTree } from "./remove-tree.ts";
import { NO_ENTRY, ROOT_SLOT, type Slot } from "./slot.ts";
import type { UnionState } from "./union-state.ts";
import { NOT_FOUND, TOO_MANY_LINKS, walkPath } from "./walk-path.ts";

/** As many symlinks as layer extractors follow on the way to an entry (the kernel itself stops at 40). */
const MAX_LINKS = 255;

type Link = Extract<ChangesetPlacement, { kind: "link" }>;
type Put = Extract<ChangesetPlacement, { kind: "put" }>;

/** Acts out the plan of one layer on the union below it. */
export class ChangesetWriter {
  readonly #state: UnionState;
  readonly #index: LayerIndex;
  readonly #layer: number;
  /** Nodes of plumbing entries, which have no slot but may be linked to. */
  readonly #plumbing = new Map<ByteString, number>();
  /** Number of the first change that is a placement; those of this layer before it are removals. */
  #firstPlacement = 0;
  /** The directory of the last placement, at first the root: entries of one directory mostly follow each other. */
  #lastPath: ByteString = "";
  #lastSlot: Slot = ROOT_SLOT;

  constructor(state: UnionState, index: LayerIndex, layer: number) {
    this.#state = state;
    this.#index = index;
    this.#layer = layer;
  }

  /**
   * Removals come first, where their directory literally exists below. Those on a path that leads through a symlink
   * come last, because only then is known what this layer makes of that symlink; they spare what the layer placed. What
   * each of them means is found before the first is acted out: one may remove the symlink that another leads through, and
   * the order of markers says nothing (image-spec layer.md#whiteouts).
   */
  write(plan: ChangesetPlan): void {
    const directories = plan.removals.map((removal) => this.#literalDirectory(removal.directory));
    plan.removals.forEach((removal, i) => {
      this.#removeLiterally(removal, directories[i]);
    });
    const behindLinks = plan.removals.filter((_, i) => directories[i] === undefined);
    this.#firstPlacement = this.#state.changeLayer.length;
    for (const placement of plan.placements) this.#place(placement);
    const led = behindLinks.map((removal) => this.#directoryThroughLinks(removal.directory));
    behindLinks.forEach((removal, i) => {
      this.#removeLower(removal, led[i]);
    });
  }

  #removeLiterally(removal: ChangesetRemoval, directory: Slot | undefined): void {
    if (directory === undefined) return;
    for (const slot of this.#targetsOf(removal, directory)) {
      removeTree(this.#state, slot, { layer: this.#layer, cause: removal.kind, entry: removal.entry });
    }
  }

  #removeLower(removal: ChangesetRemoval, directory: Slot | undefined): void {
    if (directory === undefined) return;
    for (const slot of this.#targetsOf(removal, directory)) {
      removeFromLower(this.#state, slot, { layer: this.#layer, cause: removal.kind, entry: removal.entry });
    }
  }

  /** What a removal in this directory takes away: one name, or all of them. */
  #targetsOf(removal: ChangesetRemoval, directory: Slot): Slot[] {
    if (removal.kind === "opaque") return [...this.#state.slotsBelow(directory).values()];
    const slot = this.#state.childOf(directory, removal.name);
    return slot === undefined ? [] : [slot];
  }

  #literalDirectory(path: ByteString): Slot | undefined {
    let slot: Slot | undefined = ROOT_SLOT;
    for (const name of path === "" ? [] : path.split("/")) {
      slot = this.#state.childOf(slot, name);
      if (slot === undefined || !this.#state.isDirectory(slot)) return undefined;
    }
    return slot;
  }

  #directoryThroughLinks(path: ByteString): Slot | undefined {
    const slot = walkPath(this.#state, path, { followLast: true, maxLinks: MAX_LINKS, skipDetours: true });
    return slot >= 0 && this.#state.isDirectory(slot) ? slot : undefined;
  }

  #place(placement: ChangesetPlacement): void {
    switch (placement.kind) {
      case "root":
        this.#hold(ROOT_SLOT, placement.entry);
        break;
      case "put":
        this.#put(placement);
        break;
      case "link":
        this.#link(placement);
        break;
      case "plumbing":
        this.#plumbing.set(placement.path, this.#state.addNode(this.#layer, placement.entry));
        break;
    }
  }

  /** A directory over a directory only replaces its attributes; everything else replaces what was there, children too. */
  #put({ directory, name, entry }: Put): void {
    const slot = this.#state.slotFor(this.#directoryFor(directory, entry), name);
    const isDirectory = this.#index.columns.type[entry] === DIRECTORY;
    if (!(isDirectory && this.#state.isDirectory(slot))) this.#makeWay(slot, entry);
    this.#hold(slot, entry);
  }

  #hold(slot: Slot, entry: number): void {
    this.#state.record(slot, this.#state.addNode(this.#layer, entry), this.#layer, "entry", entry);
  }

  /** link(2): the new name shares the node, so it has the metadata of the target, whatever its own header says. */
  #link(link: Link): void {
    const directory = this.#directoryFor(link.directory, link.entry);
    const node = this.#nodeToLink(link);
    const slot = this.#state.slotFor(directory, link.name);
    if (this.#state.nodeAt(slot) === node) return;
    this.#makeWay(slot, link.entry);
    this.#state.record(slot, node, this.#layer, "hardlink", link.entry);
  }

  #nodeToLink(link: Link): number {
    const node = this.#findLinked(link.target) ?? this.#justRemoved(link.target) ?? this.#plumbing.get(link.target);
    if (node === undefined) throw this.#linkError(link, "hardlink-target-missing", "does not exist");
    if (this.#state.typeOf(node) === DIRECTORY) throw this.#linkError(link, "hardlink-to-directory", "is a directory");
    return node;
  }

  #findLinked(target: ByteString): number | undefined {
    const slot = walkPath(this.#state, target, { followLast: false, maxLinks: MAX_LINKS, skipDetours: true });
    return slot < 0 ? undefined : this.#state.nodeAt(slot);
  }

  /** A layer may link to a file of a lower layer that the same layer removes: in the tar the link may come first. */
  #justRemoved(target: ByteString): number | undefined {
    const state = this.#state;
    let slot: Slot | undefined = ROOT_SLOT;
    for (const name of target.split("/")) {
      slot = state.slotsBelow(slot).get(name);
      if (slot === undefined) return undefined;
    }
    const change = state.lastChange(slot);
    const isRemoval = state.changeNode.at(change) === 0 && change < this.#firstPlacement;
    if (!isRemoval || state.changeLayer.at(change) !== this.#layer) return undefined;
    return state.changeNode.at(state.changeBefore.at(change)) || undefined;
  }

  /** Empties a slot before something else takes it, children and all. */
  #makeWay(slot: Slot, entry: number): void {
    if (this.#state.nodeAt(slot) === 0) return;
    this.#lastPath = "";
    this.#lastSlot = ROOT_SLOT;
    for (const child of this.#state.slotsBelow(slot).values()) {
      removeTree(this.#state, child, { layer: this.#layer, cause: "ancestor", entry });
    }
  }

  #directoryFor(path: ByteString, entry: number): Slot {
    const last = this.#lastPath;
    if (last === path) return this.#lastSlot;
    const isBelowLast = last !== "" && path.startsWith(`${last}/`);
    const slot = walkPath(this.#state, isBelowLast ? path.slice(last.length + 1) : path, {
      from: isBelowLast ? this.#lastSlot : ROOT_SLOT,
      followLast: true,
      maxLinks: MAX_LINKS,
      makeDirectory: (parent, name) => this.#imply(parent, name, entry),
    });
    if (slot === TOO_MANY_LINKS) throw this.#parentError(entry, "symlink-loop", `more than ${MAX_LINKS} symlinks`);
    if (slot === NOT_FOUND) throw this.#parentError(entry, "symlink-empty", "a symlink without a target");
    this.#lastPath = path;
    this.#lastSlot = slot;
    return slot;
  }

  #imply(parent: Slot, name: ByteString, entry: number): Slot {
    const slot = this.#state.slotFor(parent, name);
    this.#makeWay(slot, entry);
    this.#state.record(slot, this.#state.addNode(this.#layer, NO_ENTRY), this.#layer, "implied", entry);
    return slot;
  }

  #parentError(entry: number, code: string, what: string): StrataError {
    const details = whereIs(this.#index, entry);
    return new StrataError({
      code,
      kind: "hostile",
      message: `The entry "${details.entry}" lies behind ${what}`,
      details: { ...details, layer: this.#layer },
    });
  }

  #linkError(link: Link, code: string, what: string): StrataError {
    const details = whereIs(this.#index, link.entry);
    return new StrataError({
      code,
      kind: "malformed",
      message: `Cannot apply the hardlink "${details.entry}": its target "/${link.target}" ${what}`,
      details: { ...details, layer: this.#layer },
    });
  }
}
