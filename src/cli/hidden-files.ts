import type { ByteString } from "../base/index.ts";
import type { LayerChange, MergedNode, ProvenanceTree } from "../union/index.ts";

/** A file that lies in some layer and not in the view. */
export interface HiddenFile {
  readonly path: ByteString;
  readonly node: MergedNode;
  /** The change that took it out of the view. */
  readonly hiddenBy: LayerChange;
}

/** Everything but directories that a higher layer replaced or deleted, in the order in which that happened. */
export function hiddenFiles(tree: ProvenanceTree): HiddenFile[] {
  const hidden: HiddenFile[] = [];
  for (let layer = 0; layer < tree.layers.length; layer++) {
    for (const change of tree.changes(layer)) {
      const { before: node } = change;
      if (node === undefined || node.type === "directory") continue;
      hidden.push({ path: tree.pathOf(change.slot), node, hiddenBy: change });
    }
  }
  return hidden;
}
