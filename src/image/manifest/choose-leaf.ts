import { mapConcurrent, StrataError } from "../../base/index.ts";
import { type Platform, platformOf, selectPlatform } from "../../oci/index.ts";
import type { Skipped } from "../image-source.ts";
import type { BlobPlace } from "./blob-place.ts";
import { type ImageDocuments, readImageDocuments } from "./manifest-image.ts";
import type { ManifestLeaf, ManifestTree } from "./manifest-tree.ts";
import { assertPlatform, platformNotFound } from "./platform-choice.ts";
import type { SourceLimits } from "./source-limits.ts";

/** An index may list thousands without a platform, and the place be a registry. */
const READ_AT_ONCE = 8;

/** What decides between the manifests of one image. */
export interface PlatformChoice {
  /** The platform that the user asks for: an image for another one is refused. */
  readonly platform: Platform | undefined;
  /** The platform to prefer where none is asked for. */
  readonly hostPlatform: Platform;
  readonly limits: SourceLimits;
}

/** Of the manifests of one image the one for the platform; documents are read only as far as the choice needs them. */
export async function chooseLeaf(
  blobs: BlobPlace,
  { leaves, skipped }: ManifestTree,
  options: PlatformChoice,
): Promise<{ documents: ImageDocuments; skipped: readonly Skipped[] }> {
  const { platform: wanted, hostPlatform, limits } = options;
  const [only, ...others] = leaves;
  if (only === undefined) throw nothingToOpen(skipped);
  if (others.length === 0) {
    const documents = await readImageDocuments(blobs, only, limits);
    assertPlatform(wanted, platformOf(documents.config) ?? only.descriptor.platform);
    return { documents, skipped: [] };
  }
  const candidates = await mapConcurrent(leaves, READ_AT_ONCE, (leaf) => withPlatform(blobs, leaf, options));
  const images = candidates.filter((candidate) => candidate.artifact === undefined);
  const chosen =
    selectPlatform(wanted ?? hostPlatform, images, ({ platform }) => platform) ?? loneImage(images, wanted);
  if (chosen === undefined) {
    throw platformNotFound(
      wanted ?? hostPlatform,
      images.flatMap(({ platform }) => platform ?? []),
    );
  }
  const passedOver = candidates.flatMap(({ leaf, artifact }) =>
    artifact === undefined ? [] : [{ what: `manifest ${leaf.descriptor.digest}`, reason: artifact.message }],
  );
  return { documents: await readImageDocuments(blobs, chosen.leaf, limits), skipped: passedOver };
}

interface Candidate {
  readonly leaf: ManifestLeaf;
  readonly platform: Platform | undefined;
  /** Why it is no image, when it turned out to be none. */
  readonly artifact: StrataError | undefined;
}

/** The platform as the descriptor tells, else as the configuration does. */
async function withPlatform(blobs: BlobPlace, leaf: ManifestLeaf, { limits }: PlatformChoice): Promise<Candidate> {
  const { platform } = leaf.descriptor;
  if (platform !== undefined && platform.os !== "") return { leaf, platform, artifact: undefined };
  try {
    const { config } = await readImageDocuments(blobs, leaf, limits);
    return { leaf, platform: platformOf(config), artifact: undefined };
  } catch (error) {
    if (error instanceof StrataError && error.code === "not-an-image")
      return { leaf, platform: undefined, artifact: error };
    throw error;
  }
}

/** Whoever asks for no platform gets the only image, whatever it is for. */
function loneImage(images: readonly Candidate[], wanted: Platform | undefined): Candidate | undefined {
  return wanted === undefined && images.length === 1 ? images[0] : undefined;
}

function nothingToOpen(skipped: ManifestTree["skipped"]): StrataError {
  if (skipped.length === 0) {
    return new StrataError({ code: "image-not-found", kind: "not-found", message: "There is no image here" });
  }
  return new StrataError({
    code: "not-an-image",
    kind: "unsupported",
    message: `There is no image here, only ${skipped.map(({ what }) => what).join(", ")}`,
  });
}
