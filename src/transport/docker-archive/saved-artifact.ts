import { StrataError } from "../../base/index.ts";
import { artifactOfImage, type BlobPlace, namesOf, type PlacedImage, readManifest } from "../../image/index.ts";
import {
  type Descriptor,
  type Digest,
  isSameReference,
  MEDIA_TYPE,
  mediaKind,
  parseManifest,
} from "../../oci/index.ts";
import type { PlacedArtifact } from "../image-place.ts";
import { readMember } from "../members.ts";
import { layoutBlobs } from "../oci-layout/layout-blobs.ts";
import { openPlacedArtifact } from "../oci-layout/placed-artifact.ts";
import type { ResolvedOptions } from "../open-options.ts";
import type { TarMembers } from "../tar-members.ts";

/** One image of the archive, in either era's form. */
export interface SavedImage {
  readonly names: readonly string[];
  /** Of the configuration, where a name tells it. */
  readonly digest: Digest | undefined;
  open(): Promise<PlacedImage>;
}

/**
 * An image of the archive for copying. Docker since version 25 writes an OCI layout under its `manifest.json`: then the
 * image keeps its manifest and its index. From older archives a manifest is made.
 */
export async function openSavedArtifact(
  members: TarMembers,
  image: SavedImage,
  options: ResolvedOptions,
): Promise<PlacedArtifact> {
  const blobs = layoutBlobs(members);
  const roots = await readIndex(members, options);
  const root = await findRoot({ blobs, roots }, image, options);
  if (root !== undefined) {
    const artifact = await openPlacedArtifact({ blobs, roots, limits: options.limits }, [root]);
    return { ...artifact, names: image.names };
  }
  const { platform, hostPlatform, scratch, signal, limits } = options;
  return await artifactOfImage(await image.open(), {
    reference: members.place,
    transport: "docker-archive",
    scratch,
    signal,
    platform: platform ?? hostPlatform,
    expansion: limits.expansion,
    // The members end with their place.
    dispose: async () => {},
  });
}

async function readIndex(members: TarMembers, { limits }: ResolvedOptions): Promise<readonly Descriptor[]> {
  const what = "index.json";
  const maxBytes = limits.maxDocumentBytes;
  const bytes = await readMember(members, what, { what, maxBytes });
  if (bytes === undefined) return [];
  const index = parseManifest(bytes, { what, mediaType: MEDIA_TYPE.ociIndex, maxBytes });
  return index.kind === "index" ? index.manifests : [];
}

interface Layout {
  readonly blobs: BlobPlace;
  readonly roots: readonly Descriptor[];
}

/** What leads to the image: of the roots that do, preferably one that bears a name of it. */
async function findRoot(
  { blobs, roots }: Layout,
  { digest, names }: SavedImage,
  { limits }: ResolvedOptions,
): Promise<Descriptor | undefined> {
  if (digest === undefined) return undefined;
  const hasName = (root: Descriptor): boolean =>
    namesOf(root).some((name) => names.some((other) => isSameReference(name, other)));
  const ordered = [...roots.filter(hasName), ...roots.filter((root) => !hasName(root))];
  const leadsToImage = async (descriptor: Descriptor, depth: number): Promise<boolean> => {
    const { mediaType } = descriptor;
    if (mediaType !== "" && !["manifest", "index"].includes(mediaKind(mediaType))) return false;
    const document = await readIfHere(blobs, descriptor, limits);
    if (document === undefined) return false;
    if (document.kind === "manifest") return document.config.digest === digest;
    if (depth >= limits.maxIndexDepth) return false;
    for (const child of document.manifests) if (await leadsToImage(child, depth + 1)) return true;
    return false;
  };
  for (const root of ordered) if (await leadsToImage(root, 0)) return root;
  return undefined;
}

/** Docker saves the index of several platforms with the manifests of those that it has. */
async function readIfHere(blobs: BlobPlace, descriptor: Descriptor, limits: ResolvedOptions["limits"]) {
  try {
    return (await readManifest(blobs, descriptor, limits)).document;
  } catch (error) {
    if (error instanceof StrataError && error.code === "missing-blob") return undefined;
    throw error;
  }
}
