import { createLocalScratch } from "./content/index.ts";
import { type CopyImageOptions, copyOptions } from "./copy-image.ts";
import { Held } from "./held.ts";
import { openNamedDestination } from "./named-places.ts";
import { STORE_PREFIX } from "./resolve-name.ts";
import { sourceOptions } from "./source-options.ts";
import { type CopyResult, copyArtifact, openArtifacts } from "./transport/index.ts";

/** An image that was loaded. */
export interface LoadedImage extends CopyResult {
  /** As the place spells them; empty for an image without a name. */
  readonly names: readonly string[];
}

/**
 * Copies every image of a place, mostly an archive, into the local store; all become visible at once, or none.
 * @throws StrataError as copyImage
 */
export async function loadImages(
  from: string,
  options: CopyImageOptions & { readonly store: string },
): Promise<readonly LoadedImage[]> {
  await using held = new Held();
  const scratch = held.add(createLocalScratch({ directory: options.temporaryDirectory }));
  const place = held.add(await openArtifacts(from, sourceOptions(options, scratch)));
  const destination = await openNamedDestination(STORE_PREFIX, held, options);
  const loaded: LoadedImage[] = [];
  for (const source of place.artifacts) {
    const result = await copyArtifact(source, destination, { ...copyOptions(options, scratch), shouldFinish: false });
    loaded.push({ ...result, names: source.names });
  }
  await destination.finish();
  return loaded;
}
