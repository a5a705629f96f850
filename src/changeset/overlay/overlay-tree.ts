import { setImmediate as nextTurn } from "node:timers/promises";
import { assertNotAborted, type ByteString } from "../../base/index.ts";
import type { ListedTree } from "../listed-tree.ts";
import { type OverlayFile, OverlayFiles } from "./overlay-files.ts";
import type { OverlayDialect, OverlayPlace } from "./overlay-place.ts";
import { TreeCollector } from "./tree-collector.ts";

const ENTRIES_PER_TURN = 1000;

/** How an overlay is taken as a tree. */
export interface OverlayTreeOptions extends OverlayDialect {
  readonly signal?: AbortSignal | undefined;
}

/**
 * What overlayfs would show of these directories, without a mount: deletions and opaque directories, renamed directories
 * (`redirect_dir`) and files whose data stayed below (`metacopy`) are resolved as the kernel resolves them.
 * @throws StrataError `overlay-data-missing`, as `fileError`; `aborted`
 */
export async function overlayTree(
  { lowers, upper }: Pick<OverlayPlace, "lowers"> & Partial<OverlayPlace>,
  { signal, ...dialect }: OverlayTreeOptions = {},
): Promise<ListedTree> {
  const files = new OverlayFiles(upper === undefined ? lowers : [upper, ...lowers], dialect);
  const tree = new TreeCollector();
  /** Still to visit; the next is the last. */
  const pending: { path: ByteString; file: OverlayFile }[] = [{ path: "", file: files.root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, file } = next;
    tree.add(path, file);
    if (tree.count % ENTRIES_PER_TURN === 0) {
      assertNotAborted(signal);
      await nextTurn();
    }
    if (file.top.entry.type !== "directory") continue;
    for (const name of [...files.names(file)].reverse()) {
      const child = files.find(file, name);
      if (child !== undefined) pending.push({ path: path === "" ? name : `${path}/${name}`, file: child });
    }
  }
  return tree.finish([]);
}
