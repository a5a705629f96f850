import { StrataError } from "../base/index.ts";
import type { MergedNode, ProvenanceTree, Slot } from "../union/index.ts";
import { provenanceOf } from "./provenance-of.ts";
import type { EntryOrigin } from "./rewrite-rows.ts";

/** A layer that was rewritten, or not. */
export interface RewrittenLayer {
  readonly layer: Parameters<typeof provenanceOf>[0][number];
  /** For each entry that is no marker and no hardlink, the entry of the layers before that it was; absent where none changed. */
  readonly origins?: readonly (EntryOrigin | undefined)[];
}

/** The layers of an image before and after. */
export interface Rewriting {
  readonly before: ProvenanceTree;
  /** Those whose place is empty afterwards. */
  readonly isRemoved: (slot: Slot) => boolean;
  /** One for each layer of before; undefined for one that was dropped. */
  readonly after: readonly (RewrittenLayer | undefined)[];
}

/**
 * Holds rewritten layers against what they were: after every layer the same files must lie at the same places, with the same
 * names in common, save those that were removed.
 * @returns the lowest layer that does not keep this; undefined when all do
 */
export function findDeviation(rewriting: Rewriting): number | undefined {
  const kept = rewriting.after.flatMap((layer, number) => (layer === undefined ? [] : [number]));
  let tree: ProvenanceTree;
  try {
    tree = provenanceOf(kept.map((number) => (rewriting.after[number] as RewrittenLayer).layer));
  } catch (error) {
    // Such as a link whose target is not there any more.
    const number = error instanceof StrataError ? error.details.layer : undefined;
    if (number === undefined) throw error;
    return kept[number];
  }
  const comparison = new Comparison(rewriting, tree, kept);
  for (let layer = 0; layer < rewriting.after.length; layer++) if (!comparison.isSameAfter(layer)) return layer;
  return undefined;
}

class Comparison {
  readonly #rewriting: Rewriting;
  readonly #tree: ProvenanceTree;
  /** Numbers in the image before, by numbers in the new one. */
  readonly #kept: readonly number[];
  /** For each inode of the image before what {@link #commonInode} found, after one layer. */
  readonly #inodes = new Map<number, number | undefined>();

  constructor(rewriting: Rewriting, tree: ProvenanceTree, kept: readonly number[]) {
    this.#rewriting = rewriting;
    this.#tree = tree;
    this.#kept = kept;
  }

  isSameAfter(layer: number): boolean {
    const { before, isRemoved } = this.#rewriting;
    const now = this.#kept.findLastIndex((number) => number <= layer);
    this.#inodes.clear();
    const isSame = (old: Slot | undefined, slot: Slot | undefined): boolean => {
      const expected = old === undefined || isRemoved(old) ? undefined : before.nodeAfter(old, layer);
      const found = slot === undefined ? undefined : this.#tree.nodeAfter(slot, now);
      // The root is there without any layer.
      if (old === before.root && found === undefined) return expected?.isImplied === true;
      return this.#isSameFile(expected, found, layer, now);
    };
    for (const { slot } of before.steps(layer)) {
      if (!isSame(slot, this.#tree.everAt(before.pathOf(slot)))) return false;
    }
    if (this.#kept[now] !== layer) return true;
    for (const { slot } of this.#tree.steps(now)) {
      if (!isSame(before.everAt(this.#tree.pathOf(slot)), slot)) return false;
    }
    return true;
  }

  #isSameFile(expected: MergedNode | undefined, found: MergedNode | undefined, layer: number, now: number): boolean {
    if (expected === undefined || found === undefined) return expected === found;
    const origin = this.#originOf(found);
    if (origin?.entry !== expected.entry) return false;
    if (expected.isImplied) return true;
    if (origin.layer !== expected.layer || expected.type === "directory") return origin.layer === expected.layer;
    if (!this.#inodes.has(expected.inode)) this.#inodes.set(expected.inode, this.#commonInode(expected, layer, now));
    return (this.#inodes.get(expected.inode) ?? found.inode) === found.inode;
  }

  /**
   * A layer that was written anew may carry all names of a file that lies below: then it is another inode, but one.
   * @returns undefined for a file that never had another name; NaN, which nothing equals, where the names do not share one
   */
  #commonInode({ inode }: MergedNode, layer: number, now: number): number | undefined {
    const { before, isRemoved } = this.#rewriting;
    const slots = before.namesAfter(inode, layer)?.filter((slot) => !isRemoved(slot));
    if (slots === undefined) return undefined;
    const inodes = slots.map((old) => {
      const slot = this.#tree.everAt(before.pathOf(old));
      return slot === undefined ? undefined : this.#tree.nodeAfter(slot, now)?.inode;
    });
    return inodes.every((other) => other === inodes[0]) ? inodes[0] : Number.NaN;
  }

  #originOf({ layer: now, entry }: MergedNode): EntryOrigin | undefined {
    const layer = this.#kept[now] as number;
    const origins = entry < 0 ? undefined : this.#rewriting.after[layer]?.origins;
    return origins === undefined ? { layer, entry } : origins[entry];
  }
}
