import type { LocatedSource } from "../../content/index.ts";
import type { PlacedImage } from "../../image/index.ts";
import { type HistoryEntry, MEDIA_TYPE } from "../../oci/index.ts";
import { describeSelector, imageNotFound } from "../choose-image.ts";
import type { ImagePlace } from "../image-place.ts";
import { singleLayerImage } from "../single-layer-image.ts";

/** A bare layer tar as an image of one layer, with a configuration that is made up. The source belongs to the place. */
export function createLayerTarPlace(source: LocatedSource, name: string): ImagePlace {
  const { size, location } = source;
  const history: HistoryEntry = { comment: "a bare layer tar" };
  const image: PlacedImage = singleLayerImage(history, {
    kind: "blob",
    name,
    diffId: undefined,
    descriptor: { mediaType: MEDIA_TYPE.ociLayer, digest: undefined, size },
    location,
    open: async () => ({ ...source, async [Symbol.asyncDispose]() {} }),
  });
  return {
    transport: "tar",
    list: async () => [],
    open: async (selector) => {
      if (selector !== undefined) throw imageNotFound(describeSelector(selector), []);
      return image;
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}
