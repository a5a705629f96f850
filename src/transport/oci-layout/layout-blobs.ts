import type { BlobPlace } from "../../image/index.ts";
import { algorithmOf, hexOf } from "../../oci/index.ts";
import type { Members } from "../members.ts";

/** The blobs of a layout (image-spec image-layout.md#blobs). */
export function layoutBlobs(members: Members): BlobPlace {
  return {
    place: members.place,
    open: (digest) => members.open(`blobs/${algorithmOf(digest)}/${hexOf(digest)}`),
  };
}
