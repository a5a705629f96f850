import type { ArtifactSource, PlacedImage } from "../image/index.ts";
import type { Digest, Platform } from "../oci/index.ts";
import type { Selector } from "./image-name.ts";

/** One image of a place, as far as the place tells without opening it. */
export interface ListedImage {
  /** As the place spells them; empty for an image without a name. */
  readonly names: readonly string[];
  /** Undefined elements of the list are left out: a place need not tell. */
  readonly platforms: readonly Platform[];
  /** Of the manifest or index; where there is none, of the config. */
  readonly digest: Digest | undefined;
  /** What to append to the path of the place to get exactly this image: `:name`, `:@2`. */
  readonly selector: string;
}

/** An artifact without the lifecycle, which the place has. */
export type PlacedArtifact = Omit<ArtifactSource, "reference" | "transport" | typeof Symbol.asyncDispose>;

/** What every transport makes of a path: a place with images in it. Disposing it ends all images opened from it. */
export interface ImagePlace extends AsyncDisposable {
  readonly transport: string;
  /** In the order of the place. */
  list(): Promise<readonly ListedImage[]>;
  /** Opens the selected image; without a selector the only one. @throws StrataError `several-images`, `image-not-found` */
  open(selector: Selector | undefined): Promise<PlacedImage>;
  /**
   * The selected thing as a graph of documents and blobs, indexes included: what copying needs. Absent where the place has
   * no manifests: then the copier makes one from {@link open}.
   */
  openArtifact?(selector: Selector | undefined): Promise<PlacedArtifact>;
}
