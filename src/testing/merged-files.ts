import { memorySource } from "../base/index.ts";
import { type LayerIndex, LayerIndexBuilder } from "../layer/index.ts";
import { scanTarSync } from "../tar/index.ts";
import type { MergedTree } from "../union/index.ts";
import type { TreeFile } from "./tree-script.ts";

/** The table of contents of a layer whose tar is in memory. */
export function indexOf(tar: Uint8Array): LayerIndex {
  const builder = new LayerIndexBuilder();
  scanTarSync(memorySource(tar), (entry) => builder.add(entry));
  return builder.finish(tar.length);
}

/** The files of a merged tree with their bytes, taken from the tars of its layers. Sparse files are not expanded. */
export function mergedFiles(tree: MergedTree, tars: readonly Uint8Array[]): TreeFile[] {
  const files: TreeFile[] = [];
  for (const { slot, path } of tree.walk()) {
    const node = tree.node(slot);
    if (node.type !== "file") files.push({ path, node });
    else {
      const start = tree.layers[node.layer]?.columns.dataOffset[node.entry] ?? 0;
      files.push({ path, node, content: tars[node.layer]?.subarray(start, start + node.size) });
    }
  }
  return files;
}
