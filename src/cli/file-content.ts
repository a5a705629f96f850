import { type ByteSource, memorySource, StrataError, toText } from "../base/index.ts";
import type { FileContents } from "../fs/index.ts";
import type { ImageLayer, OpenedImage } from "../index.ts";
import type { Slot } from "../union/index.ts";
import type { View } from "./view.ts";

/**
 * The bytes of the file in a slot; the caller disposes them.
 *
 * @throws StrataError `not-a-file`
 */
export async function openContent({ image, tree }: View, slot: Slot): Promise<ByteSource> {
  const node = tree.node(slot);
  if (node.type === "file") {
    if (node.size === 0) return memorySource(new Uint8Array());
    return await contentsOf(image).open(node.layer, node.entry);
  }
  const path = `/${toText(tree.pathOf(slot))}`;
  throw new StrataError({
    code: "not-a-file",
    kind: "invalid-argument",
    message: `"${path}" has no content: it is a ${node.type}`,
    details: { image: image.source.reference, layer: node.layer, path },
    ...(node.type === "directory" ? { hint: `\`strata ls IMAGE ${path}\` lists it` } : {}),
  });
}

/** The bytes of all files of an image, by layer and entry. */
export function contentsOf({ layers }: OpenedImage): FileContents {
  const layerAt = (layer: number): ImageLayer => layers[layer] as ImageLayer;
  return {
    open: (layer, entry) => layerAt(layer).open(entry),
    openSync: (layer, entry) => layerAt(layer).openSync(entry),
  };
}
