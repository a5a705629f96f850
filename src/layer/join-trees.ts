import { DIRECTORY } from "./entry-kind.ts";
import { assertInOrder, subtreeEnd, type WholeTree } from "./whole-tree.ts";

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

/**
 * Finds what lies at the same path in two trees, in one pass.
 *
 * @throws StrataError `tree-disordered` (invalid-argument) for a tree that is not in walk order
 */
export function joinTrees(lower: WholeTree, upper: WholeTree): JoinedTrees {
  const [below, above] = [lower.index, upper.index];
  const lowerOf = new Int32Array(above.count).fill(-1);
  const upperOf = new Int32Array(below.count).fill(-1);
  const removed: RemovedEntry[] = [];
  let l = 0;
  let u = 0;
  while (l < below.count) {
    const order = u < above.count ? lower.paths.compare(l, upper.paths, u) : -1;
    if (order > 0) {
      u++;
    } else if (order < 0) {
      const isRoot = lower.paths.lengthOf(l) === 0;
      if (!isRoot) removed.push({ lower: l, before: u });
      l = isRoot ? l + 1 : subtreeEnd(lower, l);
    } else {
      lowerOf[u] = l;
      upperOf[l] = u;
      const isReplaced = below.columns.type[l] === DIRECTORY && above.columns.type[u] !== DIRECTORY;
      l = isReplaced ? subtreeEnd(lower, l) : l + 1;
      u++;
    }
  }
  assertOrder(lower, upper, lowerOf);
  return { lowerOf, upperOf, removed };
}

function assertOrder(lower: WholeTree, upper: WholeTree, lowerOf: Int32Array): void {
  for (let entry = 0; entry < lower.index.count; entry++) assertInOrder(lower, entry);
  // What lies at the path of a lower entry has its order from there.
  for (let entry = 0; entry < upper.index.count; entry++) if (lowerOf[entry] === -1) assertInOrder(upper, entry);
}
