import { createLocalScratch } from "./content/index.ts";
import { type CopyImageOptions, copyOptions } from "./copy-image.ts";
import { Held } from "./held.ts";
import { openNamedArtifact, openNamedDestination } from "./named-places.ts";
import { type CopyResult, copyArtifact } from "./transport/index.ts";

/**
 * Copies several images into one place that keeps many, such as an archive; all become visible at once, or none.
 * Each keeps its names, but an image of the local store that is given by a name only that one. @throws StrataError as copyImage
 */
export async function saveImages(
  names: readonly string[],
  to: string,
  options: CopyImageOptions = {},
): Promise<readonly CopyResult[]> {
  await using held = new Held();
  const scratch = held.add(createLocalScratch({ directory: options.temporaryDirectory }));
  const destination = await openNamedDestination(to, held, options);
  const results: CopyResult[] = [];
  for (const name of names) {
    const source = await openNamedArtifact(name, held, { options, scratch });
    results.push(await copyArtifact(source, destination, { ...copyOptions(options, scratch), shouldFinish: false }));
  }
  await destination.finish();
  return results;
}
