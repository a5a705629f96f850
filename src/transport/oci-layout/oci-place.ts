import { type BlobPlace, chooseLeaf, openManifestImage, walkManifests } from "../../image/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import type { ImagePlace } from "../image-place.ts";
import type { ResolvedOptions } from "../open-options.ts";
import { chooseRoots, listEntrance } from "./choose-roots.ts";
import { openPlacedArtifact } from "./placed-artifact.ts";

/** What makes a place of blobs and the descriptors at its entrance. */
export interface OciPlaceInit {
  readonly transport: string;
  readonly blobs: BlobPlace;
  /** As in `index.json`. */
  readonly roots: readonly Descriptor[];
  /** Ends what lies below. */
  readonly dispose: () => PromiseLike<void>;
}

/** Images by descriptors over blobs: a layout, an archive of one, skopeo's directory. */
export function createOciPlace(init: OciPlaceInit, options: ResolvedOptions): ImagePlace {
  const { blobs, roots, transport, dispose } = init;
  const entrance = { blobs, roots, limits: options.limits };
  return {
    transport,
    list: () => listEntrance(entrance),
    open: async (selector) => {
      const tree = await walkManifests(blobs, await chooseRoots(entrance, selector), options.limits);
      const { documents, skipped } = await chooseLeaf(blobs, tree, options);
      const image = await openManifestImage(blobs, documents);
      return { ...image, skipped: [...tree.skipped, ...skipped, ...image.skipped] };
    },
    openArtifact: async (selector) => await openPlacedArtifact(entrance, await chooseRoots(entrance, selector)),
    [Symbol.asyncDispose]: async () => {
      await dispose();
    },
  };
}
