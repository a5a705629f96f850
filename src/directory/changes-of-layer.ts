import type { ProvenanceTree } from "../union/index.ts";
import type { TreeChanges } from "./tree-changes.ts";

/** STUB */
export function changesOfLayer(_tree: ProvenanceTree, _layer: number): TreeChanges {
  throw new Error("not yet");
}
