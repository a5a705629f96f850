import type { OpenedDocuments } from "../index.ts";
import { jsonLinesBelow } from "./json-lines-below.ts";
import type { Terminal } from "./terminal.ts";

/** Of the listing that is kept. Raise its number when the same files would be listed otherwise. */
export const LISTING = "ls-json/1";
/** A longer listing is made each time: keeping it would push all else out of the cache. */
const MOST_KEPT_BYTES = 32 * 1024 * 1024;

/** Prints all files of an image as JSON Lines: what an earlier run printed for the very same layers, where that was kept. */
export async function listImageAsJson({ stdout }: Terminal, documents: OpenedDocuments): Promise<void> {
  const known = await documents.recall(LISTING);
  if (known !== undefined) return await stdout.send(known);
  const image = await documents.load();
  const kept: Uint8Array[] = [];
  let left = image.canRemember ? MOST_KEPT_BYTES : 0;
  for (const lines of jsonLinesBelow(image.tree, image.tree.root)) {
    await stdout.send(lines);
    left -= lines.length;
    if (left >= 0) kept.push(lines);
    else kept.length = 0;
  }
  if (kept.length > 0) await image.remember(LISTING, Buffer.concat(kept));
}
