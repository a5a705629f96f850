import { type ArtifactSource, createArtifact } from "../image/index.ts";
import { holdImage } from "./open-stored.ts";
import type { StoreParts } from "./store-parts.ts";
import { withTars } from "./with-tars.ts";

/**
 * Opens what a text leads to for copying. What was found by a name has only that one, so that a copy does not move
 * others at its destination; what was found by an id has all.
 * @throws StrataError `image-not-found`, `missing-blob` …
 */
export async function openStoredArtifact(parts: StoreParts, text: string): Promise<ArtifactSource> {
  const { target, names, name, release } = await holdImage(parts, text);
  try {
    const artifact = await createArtifact({
      blobs: parts.place,
      root: target,
      names: name === undefined ? names : [name],
      reference: text,
      transport: "store",
      dispose: release,
    });
    return withTars(parts, await parts.metadata(), artifact);
  } catch (error) {
    await release();
    throw error;
  }
}
