import type { PlatformChoice } from "../../image/index.ts";
import { chooseLeaf, type RawDocument, type Skipped, walkManifests } from "../../image/index.ts";
import { mediaKind, type Platform, parseManifest, platformOf } from "../../oci/index.ts";
import type { ArtifactBlobs } from "./artifact-blobs.ts";
import { mediaTypeOf } from "./read-graph.ts";

/** The document to copy, and what was left aside for it. */
export interface ChosenRoot {
  readonly root: RawDocument;
  readonly platform: Platform | undefined;
  readonly skipped: readonly Skipped[];
}

/**
 * Reduces an index to the manifest for the platform. A manifest stays what it is: an image is held against the platform
 * that was asked for, an artifact has none.
 * @throws StrataError `platform-not-found`, `not-an-image` for an index without images
 */
export async function chooseRoot(blobs: ArtifactBlobs, root: RawDocument, choice: PlatformChoice): Promise<ChosenRoot> {
  const { digest, bytes, mediaType } = root;
  const maxBytes = choice.limits.maxDocumentBytes;
  const document = parseManifest(bytes, { what: `manifest ${digest}`, mediaType, maxBytes });
  const isArtifact = document.kind === "manifest" && mediaKind(document.config.mediaType) !== "config";
  if (isArtifact && choice.platform === undefined) return { root, platform: undefined, skipped: [] };
  const top = { mediaType, digest, size: bytes.length };
  const tree =
    document.kind === "index"
      ? await walkManifests(blobs, [top], choice.limits)
      : { leaves: [{ descriptor: top, names: [] }], skipped: [] };
  const { documents, skipped } = await chooseLeaf(blobs, tree, choice);
  const { leaf, manifest, manifestBytes, config } = documents;
  return {
    root: {
      mediaType: leaf.descriptor.mediaType || mediaTypeOf(manifest),
      digest: leaf.descriptor.digest,
      bytes: manifestBytes,
    },
    platform: platformOf(config) ?? leaf.descriptor.platform,
    skipped: [...tree.skipped, ...skipped],
  };
}
