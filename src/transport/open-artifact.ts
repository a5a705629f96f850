import { addDetails } from "../base/index.ts";
import { type ArtifactSource, artifactOfImage } from "../image/index.ts";
import type { OpenSourceOptions } from "./open-options.ts";
import { enter } from "./open-source.ts";

/**
 * Opens what that name leads to for copying: the graph of documents and blobs, with an index and all its platforms where
 * there is one. Where the place has no manifest, one is made of its image: then layers whose digests nobody tells are
 * read once. The caller disposes the source.
 *
 * @throws StrataError with `details.image` = `name`, as `openSource`
 */
export async function openArtifact(name: string, options: OpenSourceOptions = {}): Promise<ArtifactSource> {
  const { place, where, options: resolved, dispose } = await enter(name, options);
  const common = { reference: name, transport: place.transport };
  try {
    const placed = await place.openArtifact?.(where.selector);
    if (placed !== undefined) return { ...placed, ...common, [Symbol.asyncDispose]: dispose };
    const image = await place.open(where.selector);
    const { platform, hostPlatform, scratch, signal, limits } = resolved;
    const made = { platform: platform ?? hostPlatform, expansion: limits.expansion, scratch, signal, dispose };
    return await artifactOfImage(image, { ...common, ...made });
  } catch (error) {
    await dispose();
    throw addDetails(error, { image: name });
  }
}
