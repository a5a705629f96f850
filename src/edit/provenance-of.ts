import type { ImageLayer } from "../image/index.ts";
import { mergeLayers, type ProvenanceTree } from "../union/index.ts";

/** Layers merged, with the history of every path. */
export function provenanceOf(layers: readonly Pick<ImageLayer, "index" | "whiteouts">[]): ProvenanceTree {
  return mergeLayers(
    layers.map(({ index }) => index),
    layers.map(({ whiteouts }) => whiteouts),
  );
}
