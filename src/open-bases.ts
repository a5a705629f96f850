import type { DraftChain } from "./draft-chain.ts";
import { baseOf, type RebaseImage } from "./edit/index.ts";
import { DEFAULT_LIMITS, type ImageSource, type PlacedImage } from "./image/index.ts";
import { openNamedSource } from "./named-source.ts";
import { formatPlatform, formatReference, tryParseReference } from "./oci/index.ts";

/**
 * Opens the bases of an image, old and new, by their names, for the image's platform; the old one by what its annotations
 * tell unless it is given. They live as long as the chain.
 * @throws StrataError `base-unknown`, as openImage
 */
export async function openBases(
  chain: DraftChain,
  image: PlacedImage,
  { newBase, oldBase }: { readonly newBase: string; readonly oldBase: string | undefined },
): Promise<RebaseImage> {
  const { held, scratch } = chain;
  const platform = image.platform && formatPlatform(image.platform);
  const options = { ...chain.options, ...(platform !== undefined && { platform }) };
  const open = async (name: string): Promise<ImageSource> => {
    const { source } = await openNamedSource(name, held, { options, scratch, limits: DEFAULT_LIMITS, isEdited: true });
    return source;
  };
  const before = await open(oldBase ?? baseOf(image));
  const after = await open(newBase);
  return { oldBase: before, newBase: after, newBaseName: referenceOf(newBase, after) };
}

/** The name by which others find the base too; undefined for what lies in a file. */
function referenceOf(name: string, { transport, names }: ImageSource): string | undefined {
  if (transport !== "docker" && transport !== "store") return undefined;
  const asked = tryParseReference(name.replace(/^(?:docker:\/\/|store:)/, ""));
  return names[0] ?? (transport === "docker" && asked !== undefined ? formatReference(asked) : undefined);
}
