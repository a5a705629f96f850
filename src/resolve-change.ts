import { type ByteSource, readAll } from "./base/index.ts";
import type { FileContents } from "./fs/index.ts";
import type { LayerChange, MergedNode } from "./union/index.ts";

const STEP = 256 * 1024;

/** A change whose content was compared where only the bytes could tell. */
export type ResolvedChange = LayerChange & { readonly content: "same" | "changed" };

/** Compares the bytes of the two files of a change when the indexes leave open whether they differ. */
export async function resolveChange(contents: FileContents, change: LayerChange): Promise<ResolvedChange> {
  const { before, after } = change;
  if (change.content !== "unknown" || before === undefined || after === undefined) return change as ResolvedChange;
  const isSame = await sameContent(contents, before, after);
  return { ...change, content: isSame ? "same" : "changed" };
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
