import type { ImageLayer } from "../image/index.ts";
import type { MergedTree } from "../union/index.ts";

/** The files of an image: its layers, read and indexed, in the order of its `layers`; and the tree that they make. */
export interface LoadedFiles {
  readonly layers: readonly ImageLayer[];
  /** What a container sees. A slot's `layer` is a number in {@link layers}. */
  readonly tree: MergedTree;
}

/** Reads the layers of an image when an edit first asks for them; every call gives the same. They outlive the edit. */
export type LoadFiles = () => Promise<LoadedFiles>;
