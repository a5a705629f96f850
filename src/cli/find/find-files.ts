import type { ByteString } from "../../base/index.ts";
import { joinPath } from "../../tree/index.ts";
import type { MergedTree, Slot } from "../../union/index.ts";
import type { Candidate } from "./candidate.ts";
import type { CompiledExpression, FindActions } from "./compile-expression.ts";

/** What a search prints with; where it may stop and where it need not go it decides itself. */
export type FindPrinters = Omit<FindActions, "prune" | "quit">;

/**
 * Judges every file below the starting points, parents before children, names in order. Yields after each file, so that
 * the caller can send what was printed.
 */
export function* findFiles(
  tree: MergedTree,
  starts: readonly Slot[],
  { judge, minDepth, maxDepth }: CompiledExpression,
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
  for (const top of starts) {
    const start = tree.pathOf(top);
    const pending: { slot: Slot; path: ByteString; depth: number }[] = [{ slot: top, path: start, depth: 0 }];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      isPruned = false;
      if (at.depth >= minDepth) judge(candidateOf(tree, at, start), actions);
      yield;
      if (isOver) return;
      if (isPruned || at.depth >= maxDepth || !tree.isDirectory(at.slot)) continue;
      const children = tree.children(at.slot);
      for (let i = children.length - 1; i >= 0; i--) {
        const slot = children[i] as Slot;
        pending.push({ slot, path: joinPath(at.path, tree.nameOf(slot)), depth: at.depth + 1 });
      }
    }
  }
}

/** The node is made when a test asks for it: most searches go by name first. */
function candidateOf(
  tree: MergedTree,
  { slot, path, depth }: { readonly slot: Slot; readonly path: ByteString; readonly depth: number },
  start: ByteString,
): Candidate {
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
