import { type ByteSource, memorySource, StrataError, toText } from "../base/index.ts";
import type { ImageLayer } from "../index.ts";
import type { Slot } from "../union/index.ts";
import type { View } from "./view.ts";

/**
 * The bytes of the file in a slot; the caller disposes them.
 *
 * @throws StrataError `is-a-directory`, `not-a-file`
 */
export async function openContent({ image, tree }: View, slot: Slot): Promise<ByteSource> {
  const node = tree.node(slot);
  if (node.type === "file") {
    return node.size === 0 ? memorySource(new Uint8Array()) : await (image.layers[node.layer] as ImageLayer).open(node.entry);
  }
  const path = `/${toText(tree.pathOf(slot))}`;
  const isDirectory = node.type === "directory";
  throw new StrataError({
    code: isDirectory ? "is-a-directory" : "not-a-file",
    kind: "failed-precondition",
    message: `"${path}" has no content: it is a ${node.type}`,
    details: { image: image.source.reference, layer: node.layer, path },
    ...(isDirectory ? { hint: `\`strata ls IMAGE ${path}\` lists it` } : {}),
  });
}
