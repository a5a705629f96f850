import type { ByteString } from "./base/index.ts";
import type { ResolvedChange } from "./resolve-change.ts";
import { baseNameOf, clampEntryName, joinPath, parentOf } from "./tree/index.ts";
import type { LayerChange, MergedNode, ProvenanceTree, Slot } from "./union/index.ts";

/** The story of one path. */
export interface PathBlame {
  /** Where the path really is, once symlinks in its parents are followed: clean, without leading slash. */
  readonly path: ByteString;
  /** The file that is there now; undefined when it is gone. */
  readonly node: MergedNode | undefined;
  /** What each layer did to it, from the base up. */
  readonly changes: readonly ResolvedChange[];
  /** The files that lie hidden below, from the newest to the oldest. */
  readonly hidden: readonly MergedNode[];
}

/** Tells the story of a path of `tree`; undefined when no layer ever spoke of it. */
export async function blamePath(
  tree: ProvenanceTree,
  path: ByteString,
  resolve: (change: LayerChange) => Promise<ResolvedChange>,
): Promise<PathBlame | undefined> {
  const slot = slotOf(tree, clampEntryName(path));
  if (slot === undefined) return undefined;
  const changes: ResolvedChange[] = [];
  for (const change of tree.history(slot)) changes.push(await resolve(change));
  const node = tree.holds(slot) ? tree.node(slot) : undefined;
  const hidden = changes.flatMap(({ before }) => (before === undefined ? [] : [before])).reverse();
  return { path: tree.pathOf(slot), node, changes, hidden };
}

/** A path that is there is found through its parents' symlinks; one that is gone, where it literally was. */
function slotOf(tree: ProvenanceTree, path: ByteString): Slot | undefined {
  const parent = tree.find(parentOf(path), { followLast: true });
  const directory = parent < 0 ? parentOf(path) : tree.pathOf(parent);
  return tree.everAt(joinPath(directory, baseNameOf(path))) ?? tree.everAt(path);
}
