import { DIRECTORY } from "./entry-kind.ts";
import type { LayerIndex } from "./layer-index.ts";
import { comparePaths, type PathBytes, pathBytes } from "./tree-path.ts";
import { subtreeEnd } from "./whole-tree.ts";

/** An entry of the lower tree that the upper has not. */
export interface RemovedEntry {
  readonly lower: number;
  /** The entry of the upper tree before which it would stand. */
  readonly before: number;
}

/** Two trees side by side. */
export interface JoinedTrees {
  /** For each entry of the upper tree the one of the lower at the same path, or -1. */
  readonly lowerOf: Int32Array;
  /** The other way round. */
  readonly upperOf: Int32Array;
  /** In walk order; nothing below another one, nor below what is no directory any more. The root is never removed. */
  readonly removed: readonly RemovedEntry[];
}

/** Finds what lies at the same path in two trees, both in walk order, in one pass. */
export function joinTrees(lower: LayerIndex, upper: LayerIndex): JoinedTrees {
  const lowerOf = new Int32Array(upper.count).fill(-1);
  const upperOf = new Int32Array(lower.count).fill(-1);
  const removed: RemovedEntry[] = [];
  let l = 0;
  let u = 0;
  while (l < lower.count) {
    const path = pathBytes(lower, l);
    const order = u < upper.count ? comparePaths(path, pathBytes(upper, u)) : -1;
    if (order > 0) {
      u++;
    } else if (order < 0) {
      if (!isRoot(path)) removed.push({ lower: l, before: u });
      l = isRoot(path) ? l + 1 : subtreeEnd(lower, l);
    } else {
      lowerOf[u] = l;
      upperOf[l] = u;
      const isReplaced = lower.columns.type[l] === DIRECTORY && upper.columns.type[u] !== DIRECTORY;
      l = isReplaced ? subtreeEnd(lower, l) : l + 1;
      u++;
    }
  }
  return { lowerOf, upperOf, removed };
}

function isRoot({ start, end }: PathBytes): boolean {
  return start === end;
}
