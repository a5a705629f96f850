import { type ByteString, fromText } from "../base/index.ts";
import { joinPath } from "../tree/index.ts";
import type { MergedNode, MergedTree, Slot } from "../union/index.ts";

/** One line of a drawn tree. */
export interface TreeLine {
  readonly slot: Slot;
  readonly path: ByteString;
  /** The lines that lead to the name. */
  readonly prefix: ByteString;
  readonly depth: number;
  readonly node: MergedNode;
  /** Children that are not drawn because of the depth or the number of siblings. */
  readonly omitted: number;
}

export interface DrawTreeOptions {
  /** Levels below the top; default: all. */
  readonly depth?: number;
  readonly directoriesOnly?: boolean;
  /** At most so many children of one directory; default: all. */
  readonly maxChildren?: number;
}

const BRANCH = fromText("├── ");
const LAST = fromText("└── ");
const TRUNK = fromText("│   ");
const EMPTY = "    ";

interface Pending {
  readonly slot: Slot;
  readonly path: ByteString;
  readonly prefix: ByteString;
  /** What children put before their own branch. */
  readonly indent: ByteString;
  readonly depth: number;
}

/** The lines of a tree as tree(1) draws it, the top first. Lazy: a huge tree costs only its open directories. */
export function* drawTree(tree: MergedTree, top: Slot, options: DrawTreeOptions = {}): Generator<TreeLine> {
  const { depth: maxDepth = Number.POSITIVE_INFINITY, maxChildren = Number.POSITIVE_INFINITY } = options;
  const pending: Pending[] = [{ slot: top, path: tree.pathOf(top), prefix: "", indent: "", depth: 0 }];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const { slot, path, prefix, depth, indent } = at;
    const all = childrenOf(tree, slot, options.directoriesOnly === true);
    const children = depth >= maxDepth ? [] : all.slice(0, maxChildren);
    const omitted = all.length - children.length;
    yield { slot, path, prefix, depth, node: tree.node(slot), omitted };
    for (let i = children.length - 1; i >= 0; i--) {
      const child = children[i] as Slot;
      const isLast = i === children.length - 1 && (omitted === 0 || depth >= maxDepth);
      pending.push({
        slot: child,
        path: joinPath(path, tree.nameOf(child)),
        prefix: indent + (isLast ? LAST : BRANCH),
        indent: indent + (isLast ? EMPTY : TRUNK),
        depth: depth + 1,
      });
    }
  }
}

function childrenOf(tree: MergedTree, slot: Slot, directoriesOnly: boolean): Slot[] {
  if (!tree.isDirectory(slot)) return [];
  const children = tree.children(slot);
  return directoriesOnly ? children.filter((child) => tree.isDirectory(child)) : children;
}
