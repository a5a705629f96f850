import { type ByteSource, type ByteString, readAll } from "./base/index.ts";
import type { FileContents } from "./fs/index.ts";
import type { LayerChange, MergedNode, MergedTree } from "./union/index.ts";

const STEP = 256 * 1024;

/** What one layer did to one path, its content compared where only the bytes could tell. */
export interface ResolvedChange extends Omit<LayerChange, "slot" | "content"> {
  /** Clean, without leading slash; `""` is the root. */
  readonly path: ByteString;
  readonly content: "same" | "changed";
}

/**
 * Completes a change: its path, and whether the bytes of its two files differ when the indexes leave that open.
 *
 * @param tree the one that the change's slot counts in
 */
export async function resolveChange(
  tree: MergedTree,
  contents: FileContents,
  { slot, ...change }: LayerChange,
): Promise<ResolvedChange> {
  const { before, after, content } = change;
  const path = tree.pathOf(slot);
  if (content !== "unknown") return { ...change, path, content };
  const isSame = before !== undefined && after !== undefined && (await sameContent(contents, before, after));
  return { ...change, path, content: isSame ? "same" : "changed" };
}

/** Whether two regular files hold the same bytes. Reads both only as far as they agree. */
async function sameContent(contents: FileContents, a: MergedNode, b: MergedNode): Promise<boolean> {
  if (a.size !== b.size) return false;
  await using left: ByteSource = await contents.open(a.layer, a.entry);
  await using right: ByteSource = await contents.open(b.layer, b.entry);
  for (let start = 0; start < a.size; start += STEP) {
    const range = { start, end: start + STEP };
    const parts = [await readAll(left, range), await readAll(right, range)] as const;
    if (Buffer.compare(...parts) !== 0) return false;
  }
  return true;
}
