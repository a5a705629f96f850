import { listDirectory, type UpperDirectory } from "../../directory/index.ts";
import {
  compareTrees,
  differenceOf,
  type LayerIndex,
  type ListedLayer,
  noWhiteouts,
  type TreeDifference,
  type WhiteoutCodec,
} from "../../layer/index.ts";

/**
 * A layer of a driver that copies: what a whole root file system has that the one below it has not, and what it lacks.
 * Files are the same when all their metadata is, as for docker: such a layer was made by unpacking, and is not written to later.
 * Of times, whole seconds on one side are enough.
 *
 * @param below undefined for a base layer
 */
export function copyDifference(below: string | undefined, path: string): UpperDirectory {
  const codecs = new WeakMap<LayerIndex, WhiteoutCodec>();
  return {
    whiteouts: whiteoutsBy(codecs),
    load: async (options) => {
      const upper = await listDirectory(path, options);
      if (below === undefined) return upper;
      const lower = await listDirectory(below, options);
      const { listed, whiteouts } = await difference(lower.index, upper, options?.signal);
      codecs.set(listed.index, whiteouts);
      return listed;
    },
  };
}

async function difference(
  lower: LayerIndex,
  upper: ListedLayer,
  signal: AbortSignal | undefined,
): Promise<TreeDifference> {
  const changes = await compareTrees(lower, upper.index, { isSameContent: () => true, times: "truncated", signal });
  return differenceOf(upper, changes, lower);
}

/** The deletions of each listing are told by its own codec, which exists only once it is loaded. */
function whiteoutsBy(codecs: WeakMap<LayerIndex, WhiteoutCodec>): WhiteoutCodec {
  const codecOf = (index: LayerIndex): WhiteoutCodec => codecs.get(index) ?? noWhiteouts;
  return {
    name: "overlay",
    mayHaveMarkers: (index) => codecOf(index).mayHaveMarkers(index),
    meaningOf: (index, entry, place) => codecOf(index).meaningOf(index, entry, place),
    hiddenName: (name) => name,
  };
}
