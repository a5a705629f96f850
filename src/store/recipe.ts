import { type ByteSource, readAll } from "../base/index.ts";
import type { ScratchFile } from "../content/index.ts";
import { algorithmOf, createHasher, type Digest } from "../oci/index.ts";
import { compress } from "../tar/index.ts";
import type { Recipe } from "./metadata/records.ts";

/** How layers that this library compressed were compressed, most likely first. */
const MOST_LIKELY: Recipe = { compression: "gzip", level: 4 };
const RECIPES: readonly Recipe[] = [MOST_LIKELY, { ...MOST_LIKELY, level: 6 }, { ...MOST_LIKELY, level: 9 }];
const AT_ONCE = 4;

/**
 * How a blob can be made again from its tar, byte for byte; undefined where none of our ways does. Another compressor's
 * work is told by its first block, so that trying costs little.
 */
export async function findRecipe(
  stored: ByteSource,
  tar: ByteSource,
  signal: AbortSignal | undefined,
): Promise<Recipe | undefined> {
  for (const recipe of RECIPES) if (await gives(recipe, { stored, tar, signal })) return recipe;
  return undefined;
}

interface Trial {
  readonly stored: ByteSource;
  readonly tar: ByteSource;
  readonly signal: AbortSignal | undefined;
}

async function gives({ compression, level }: Recipe, { stored, tar, signal }: Trial): Promise<boolean> {
  let offset = 0;
  const options = { level, ...(signal && { signal }) };
  for await (const chunk of compress(tar.stream(), compression, options)) {
    const end = offset + chunk.length;
    if (end > stored.size) return false;
    if (!Buffer.from(await readAll(stored, { start: offset, end })).equals(chunk)) return false;
    offset = end;
  }
  return offset === stored.size;
}

/**
 * Compresses a tar, by its recipe or else the most likely one, into a file.
 * @returns whether that has the digest
 */
export async function recompressed(
  tar: ByteSource,
  digest: Digest,
  { recipe, sink }: { readonly recipe: Recipe | undefined; readonly sink: ScratchFile },
): Promise<boolean> {
  const { compression, level } = recipe ?? MOST_LIKELY;
  const hasher = createHasher(algorithmOf(digest));
  for await (const chunk of compress(tar.stream(), compression, { level, concurrency: AT_ONCE })) {
    hasher.update(chunk);
    await sink.write(chunk);
  }
  return hasher.digest() === digest;
}
