import type { TreeChanges } from "../../../directory/index.ts";
import type { MergedNode } from "../../../union/index.ts";

/**
 * Whether a layer has extended attributes that overlayfs would take for its own, as the layers of an image with container
 * storage inside do: they lie in an upper directory under longer names, and only an overlay shows them as they are.
 */
export function hasOwnMarks({ files, directories }: TreeChanges, usesUserXattrs: boolean): boolean {
  const prefix = usesUserXattrs ? "user.overlay." : "trusted.overlay.";
  const isMarked = ({ node }: { readonly node: MergedNode }): boolean => {
    for (const name of node.xattrs.keys()) if (name.startsWith(prefix)) return true;
    return false;
  };
  return files.some(isMarked) || directories.some(isMarked);
}
