import type { ByteString } from "../base/index.ts";
import type { MergedNode, MergedTree, Slot } from "../union/index.ts";

/** What a file or a directory with all below it takes. */
export interface Usage {
  readonly slot: Slot;
  readonly path: ByteString;
  /** 0 at the place where counting began. */
  readonly depth: number;
  readonly node: MergedNode;
  /** Bytes of content, each file once however many names it has; of symlinks the length of their targets. */
  readonly bytes: number;
  /** The same for each layer that the files come from. */
  readonly byLayer: readonly number[];
}

interface Open {
  readonly slot: Slot;
  readonly path: ByteString;
  readonly depth: number;
  readonly byLayer: number[];
}

/**
 * Counts what lies in a tree below `top`: everything after its contents, as du(1) does. A file with several names counts
 * where it is met first; `seen` carries that from one call to the next.
 */
export function* diskUsage(tree: MergedTree, top: Slot, seen: Set<number> = new Set()): Generator<Usage> {
  const layers = tree.layers.length;
  const open: Open[] = [];
  const close = function* (depth: number): Generator<Usage> {
    for (let at = open.at(-1); at !== undefined && at.depth >= depth; at = open.at(-1)) {
      open.pop();
      addTo(open.at(-1)?.byLayer, at.byLayer);
      yield usageOf(tree, at);
    }
  };
  const baseDepth = depthOf(tree.pathOf(top));
  for (const { slot, path } of tree.walk(top)) {
    const depth = depthOf(path) - baseDepth;
    yield* close(depth);
    const node = tree.node(slot);
    const byLayer = new Array<number>(layers).fill(0);
    const isCounted = node.type !== "directory" && (node.nlink < 2 || !seen.has(node.inode));
    if (isCounted) byLayer[node.layer] = node.size;
    if (node.nlink > 1) seen.add(node.inode);
    open.push({ slot, path, depth, byLayer });
  }
  yield* close(0);
}

function usageOf(tree: MergedTree, { slot, path, depth, byLayer }: Open): Usage {
  const bytes = byLayer.reduce((sum, one) => sum + one, 0);
  return { slot, path, depth, node: tree.node(slot), bytes, byLayer };
}

function addTo(sum: number[] | undefined, other: readonly number[]): void {
  if (sum === undefined) return;
  for (let i = 0; i < other.length; i++) sum[i] = (sum[i] ?? 0) + (other[i] as number);
}

function depthOf(path: ByteString): number {
  if (path === "") return 0;
  let depth = 1;
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) depth++;
  return depth;
}
