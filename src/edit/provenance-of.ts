import type { ImageLayer } from "../image/index.ts";
import { type MergedTree, mergeFiles, mergeLayers, type ProvenanceTree } from "../union/index.ts";

/** What merging wants of a layer. */
type MergedLayer = Pick<ImageLayer, "index" | "whiteouts">;

/** Layers merged, with the history of every path. @throws StrataError as `mergeLayers` */
export function provenanceOf(layers: readonly MergedLayer[]): ProvenanceTree {
  return mergeLayers(layers.map(indexOf), layers.map(whiteoutsOf));
}

/** Layers merged, for those who want no history. @throws StrataError as `mergeLayers` */
export function filesOf(layers: readonly MergedLayer[]): MergedTree {
  return mergeFiles(layers.map(indexOf), { codecs: layers.map(whiteoutsOf) });
}

const indexOf = ({ index }: MergedLayer): ImageLayer["index"] => index;
const whiteoutsOf = ({ whiteouts }: MergedLayer): ImageLayer["whiteouts"] => whiteouts;
