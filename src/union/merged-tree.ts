import type { ByteString } from "../base/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import type { FileType } from "../tree/index.ts";
import type { MergedNode } from "./merged-node.ts";
import { ROOT_SLOT, type Slot } from "./slot.ts";
import type { TreeColumns } from "./tree-columns.ts";

/** As many symlinks as the kernel follows before ELOOP (path_resolution(7)). */
export const MAX_LINKS_IN_VIEW = 40;

/** A slot and its clean path. */
export interface PlacedSlot {
  readonly slot: Slot;
  readonly path: ByteString;
}

/**
 * One tree made of layers: what a container would see, with the layer of each file.
 *
 * Places are numbered *slots*; the numbers mean something in one tree only. Names come in ascending byte order.
 * Immutable and shared freely; it holds no resources.
 */
export interface MergedTree {
  /** The layers from the base up. */
  readonly layers: readonly LayerIndex[];
  readonly root: Slot;

  /**
   * Resolves a path inside the tree: a leading slash is optional, symlinks never leave the root.
   *
   * @returns the slot, or {@link NOT_FOUND}, {@link NOT_DIRECTORY}, {@link TOO_MANY_LINKS}
   */
  find(path: ByteString, options: { readonly followLast: boolean }): Slot;

  /** The file in a slot. A new view on each call; its columns are read when asked. */
  node(slot: Slot): MergedNode;

  /** What the file in a slot is: cheaper than {@link node}. */
  typeOf(slot: Slot): FileType;

  isDirectory(slot: Slot): boolean;

  /** Clean path of a slot from the root; `""` for the root. */
  pathOf(slot: Slot): ByteString;

  nameOf(slot: Slot): ByteString;

  /** The directory that holds the slot; the root's is the root. */
  parentOf(slot: Slot): Slot;

  /** The slot of a name in a directory, or undefined. */
  childOf(directory: Slot, name: ByteString): Slot | undefined;

  /** The slots of a directory in the order of their names. */
  children(directory: Slot): Slot[];

  /**
   * A slot (the root unless given) and everything below it with their paths, parents before children, names in order.
   * Symlinks are not followed. Costs memory for the open directories only.
   */
  walk(top?: Slot): Generator<PlacedSlot>;

  /**
   * The same files as a table in the order of a walk, without their history: what a whole tree is listed or written from. Its slots
   * are other numbers, its inodes the same.
   */
  flatten(): TableTree;
}

/** A tree that is a table ({@link TreeColumns}), without history. */
export type TableTree = MergedTree & TreeColumns;

/** {@link MergedTree.pathOf} for whoever knows the parent and the name of each slot. */
export function pathOfSlot(tree: Pick<MergedTree, "parentOf" | "nameOf">, slot: Slot): ByteString {
  const names: ByteString[] = [];
  for (let at = slot; at !== ROOT_SLOT; at = tree.parentOf(at)) names.push(tree.nameOf(at));
  return names.reverse().join("/");
}
