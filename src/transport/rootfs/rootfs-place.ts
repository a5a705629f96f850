import { listDirectory } from "../../directory/index.ts";
import { noWhiteouts } from "../../layer/index.ts";
import { describeSelector, imageNotFound } from "../choose-image.ts";
import type { ImagePlace } from "../image-place.ts";
import { singleLayerImage } from "../single-layer-image.ts";

/** A directory as an image of one layer, with a configuration that is made up. It is walked when the layer is loaded. */
export function createRootfsPlace(directory: string): ImagePlace {
  const image = singleLayerImage(
    { comment: "a root file system" },
    {
      kind: "listing",
      name: directory,
      diffId: undefined,
      whiteouts: noWhiteouts,
      load: (options) => listDirectory(directory, options),
    },
  );
  return {
    transport: "dir",
    list: async () => [],
    open: async (selector) => {
      if (selector !== undefined) throw imageNotFound(describeSelector(selector), []);
      return image;
    },
    async [Symbol.asyncDispose]() {},
  };
}
