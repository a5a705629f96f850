import { memorySource, StrataError } from "../../base/index.ts";
import { type BlobPlace, createArtifact, namesOf, readManifest } from "../../image/index.ts";
import { type Descriptor, digestOf, MEDIA_TYPE, mediaKind } from "../../oci/index.ts";
import type { PlacedArtifact } from "../image-place.ts";
import type { Entrance } from "./choose-roots.ts";

/**
 * What the chosen descriptors lead to, as one artifact. Several, which are one image for several platforms without an
 * index of its own, get an index made here: synthetic, and the same for the same descriptors.
 * @throws StrataError `image-not-found` when nothing was chosen
 */
export async function openPlacedArtifact(entrance: Entrance, chosen: readonly Descriptor[]): Promise<PlacedArtifact> {
  const [only, ...others] = [...new Map(chosen.map((descriptor) => [descriptor.digest, descriptor])).values()];
  if (only === undefined) {
    throw new StrataError({ code: "image-not-found", kind: "not-found", message: "There is no image here" });
  }
  const names = [...new Set(chosen.flatMap(namesOf))];
  if (others.length === 0) return await artifactAt(entrance, await withMediaType(entrance, only), names);
  const bytes = indexOf([only, ...others]);
  const root = { mediaType: MEDIA_TYPE.ociIndex, digest: digestOf(bytes), size: bytes.length };
  const blobs: BlobPlace = {
    place: entrance.blobs.place,
    open: async (digest, role) =>
      digest === root.digest ? memorySource(bytes) : await entrance.blobs.open(digest, role),
  };
  return { ...(await artifactAt({ ...entrance, blobs }, root, names)), isSynthetic: true };
}

async function artifactAt(
  { blobs, roots, limits }: Entrance,
  root: Descriptor,
  names: readonly string[],
): Promise<PlacedArtifact> {
  return await createArtifact({
    reference: blobs.place,
    transport: "",
    names,
    blobs,
    root,
    limits,
    referrers: async (subject) => await referrersOf({ blobs, roots, limits }, subject),
    // The place outlives its artifacts, and ends what lies below.
    dispose: async () => {},
  });
}

function indexOf(descriptors: readonly Descriptor[]): Uint8Array {
  const manifests = descriptors.map(({ mediaType, digest, size, platform, annotations }) => {
    const rest = {
      ...(platform === undefined ? {} : { platform }),
      ...(annotations === undefined ? {} : { annotations }),
    };
    return { mediaType, digest, size, ...rest };
  });
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests }));
}

/** A blob that was asked for by its digest alone says itself what it is. */
async function withMediaType({ blobs, limits }: Entrance, descriptor: Descriptor): Promise<Descriptor> {
  if (descriptor.mediaType !== "") return descriptor;
  const { document } = await readManifest(blobs, descriptor, limits);
  const guess = document.kind === "index" ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest;
  return { ...descriptor, mediaType: document.mediaType ?? guess };
}

/** In a layout only the entrance leads to them (image-spec image-layout.md#indexjson-file). */
async function referrersOf({ blobs, roots, limits }: Entrance, subject: Descriptor): Promise<readonly Descriptor[]> {
  const found = new Map<string, Descriptor>();
  for (const root of roots) {
    if (!["manifest", "index"].includes(mediaKind(root.mediaType)) || found.has(root.digest)) continue;
    const { document } = await readManifest(blobs, root, limits);
    if (document.subject?.digest === subject.digest) found.set(root.digest, root);
  }
  return [...found.values()];
}
