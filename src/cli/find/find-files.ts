import type { ByteString } from "../../base/index.ts";
import { joinPath } from "../../tree/index.ts";
import type { MergedTree, Slot } from "../../union/index.ts";
import type { Candidate } from "./candidate.ts";
import type { CompiledExpression, FindActions } from "./compile-expression.ts";

/** What a search prints with; where it may stop and where it need not go it decides itself. */
export type FindPrinters = Omit<FindActions, "prune" | "quit">;

/**
 * Judges every file below the starting points, names in order, and parents before children unless the expression is
 * depth-first: pruning says nothing then. Yields after each file, so that
 * the caller can send what was printed.
 */
export function* findFiles(
  tree: MergedTree,
  starts: readonly Slot[],
  { judge, minDepth, maxDepth, isDepthFirst }: CompiledExpression,
  printers: FindPrinters,
): Generator<void> {
  let isPruned = false;
  let isOver = false;
  const actions: FindActions = {
    print: (candidate) => printers.print(candidate),
    print0: (candidate) => printers.print0(candidate),
    list: (candidate) => printers.list(candidate),
    write: (bytes) => printers.write(bytes),
    prune: () => {
      isPruned = true;
    },
    quit: () => {
      isOver = true;
    },
  };
  const walk = { maxDepth, isDepthFirst, isPruned: () => isPruned };
  for (const top of starts) {
    for (const at of filesBelow(tree, top, walk)) {
      isPruned = false;
      if (at.depth >= minDepth) judge(candidateOf(tree, at, tree.pathOf(top)), actions);
      yield;
      if (isOver) return;
    }
  }
}

interface Walk extends Pick<CompiledExpression, "maxDepth" | "isDepthFirst"> {
  /** Whether nobody wants what is in the directory that was last given. */
  isPruned(): boolean;
}

/** A starting point and all below it; asks after each directory that comes before its children whether it was pruned. */
function* filesBelow(tree: MergedTree, top: Slot, { maxDepth, isDepthFirst, isPruned }: Walk): Generator<Pending> {
  const pending: Pending[] = [{ slot: top, path: tree.pathOf(top), depth: 0 }];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const opens = at.isLeft !== true && at.depth < maxDepth && tree.isDirectory(at.slot);
    if (opens && isDepthFirst) pending.push({ ...at, isLeft: true });
    else {
      yield at;
      if (isPruned()) continue;
    }
    if (opens) pushChildren(tree, at, pending);
  }
}

interface Pending {
  readonly slot: Slot;
  readonly path: ByteString;
  readonly depth: number;
  /** A directory whose children were looked at before. */
  readonly isLeft?: true;
}

/** The first of them is the next. */
function pushChildren(tree: MergedTree, { slot: parent, path, depth }: Pending, pending: Pending[]): void {
  const children = tree.children(parent);
  for (let i = children.length - 1; i >= 0; i--) {
    const slot = children[i] as Slot;
    pending.push({ slot, path: joinPath(path, tree.nameOf(slot)), depth: depth + 1 });
  }
}

/** The node is made when a test asks for it: most searches go by name first. */
function candidateOf(tree: MergedTree, { slot, path, depth }: Pending, start: ByteString): Candidate {
  let node: Candidate["node"] | undefined;
  return {
    slot,
    path,
    start,
    depth,
    get node() {
      node ??= tree.node(slot);
      return node;
    },
  };
}
