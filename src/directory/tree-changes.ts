import type { ByteString } from "../base/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import type { MergedNode } from "../union/index.ts";

/** A path that a layer takes away, with everything below it. */
export interface RemovedPath {
  readonly path: ByteString;
  /**
   * Whether an upper directory needs a whiteout there: not where something else takes the place, or where a
   * directory above hides all lower names anyway.
   */
  readonly needsWhiteout: boolean;
}

/** A directory that a layer makes or changes, or that leads to what it changes. */
export interface ChangedDirectory {
  readonly path: ByteString;
  /** As it is after the layer. */
  readonly node: MergedNode;
  /**
   * `new`: no directory was there. `changed`: its metadata differ. `kept`: only something in it does (in an upper directory
   * it must stand all the same, and elsewhere its time must be set again).
   */
  readonly state: "new" | "changed" | "kept";
  /** In an upper directory: hides all names that lower layers have there. */
  readonly isOpaque: boolean;
}

/** A file that is no directory, whose set of names a layer changed. */
export interface ChangedFile {
  readonly node: MergedNode;
  /** Names that it gets, in byte order. */
  readonly added: readonly ByteString[];
  /** Names that it had before and keeps, in byte order. An upper directory needs them too, for link counts to be right. */
  readonly kept: readonly ByteString[];
}

/**
 * What has to happen in a directory that holds the merge of the layers below one layer, to make it the merge with that
 * layer; and what an upper directory of overlayfs for that layer holds. All paths are clean places in the merged tree, never
 * to be followed through symlinks. To be carried out in the order of the fields.
 */
export interface TreeChanges {
  readonly layer: number;
  /** Those of the tree, in which the entries of nodes count. */
  readonly layers: readonly LayerIndex[];
  /** No path lies below another. */
  readonly removals: readonly RemovedPath[];
  /** Parents before children; the root first, always. */
  readonly directories: readonly ChangedDirectory[];
  /** In the order in which the layer first touched them. */
  readonly files: readonly ChangedFile[];
}
