import type { ImageLayer } from "../image/index.ts";
import { type MergedTree, ProvenanceTree } from "../union/index.ts";
import { provenanceOf } from "./provenance-of.ts";

/** The files of an image: its layers, read and indexed, in the order of its `layers`; and the tree that they make. */
export interface LoadedFiles {
  readonly layers: readonly ImageLayer[];
  /** What a container sees. A slot's `layer` is a number in {@link layers}. */
  readonly tree: MergedTree;
  /** The same tree with the history of every path, merged when it is first asked for. Its slots are other numbers. */
  provenance(): ProvenanceTree;
}

/** Reads the layers of an image when an edit first asks for them; every call gives the same. They outlive the edit. */
export type LoadFiles = () => Promise<LoadedFiles>;

/** Layers, and the tree that they make. */
export function loadedFiles(layers: readonly ImageLayer[], tree: MergedTree): LoadedFiles {
  let provenance = tree instanceof ProvenanceTree && tree.firstTold === 0 ? tree : undefined;
  return {
    layers,
    tree,
    provenance: () => {
      provenance ??= provenanceOf(layers);
      return provenance;
    },
  };
}
