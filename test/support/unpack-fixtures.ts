import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StrataError } from "../../src/base/index.ts";
import { type ContentStore, createLocalContentStore, createMemoryIndexCache } from "../../src/content/index.ts";
import { DEFAULT_LIMITS, type ImageSource, type LayerBlob } from "../../src/image/index.ts";
import type { Digest } from "../../src/oci/index.ts";
import { openSource } from "../../src/transport/index.ts";
import type { UnpackLayersOptions } from "../../src/unpack/index.ts";
import { type FixtureImage, type FixtureLayer, FixtureLayout, named, writeFiles } from "./image-fixtures.ts";

/** Opens an image of these layers from a layout below that directory. The caller disposes it. */
export async function openLayers(
  base: string,
  layers: readonly FixtureLayer[],
  image: FixtureImage = {},
): Promise<ImageSource> {
  const layout = new FixtureLayout();
  const root = layout.image(layers, image);
  const directory = mkdtempSync(join(base, "layout-"));
  await writeFiles(directory, layout.finish([named(root, "it")]));
  return await openSource(`oci:${directory}:it`);
}

/** What is needed to unpack into a new content store below that directory; the leases are written down. */
export async function unpackOptions(
  base: string,
): Promise<UnpackLayersOptions & { readonly content: ContentStore; readonly leased: Digest[] }> {
  const leased: Digest[] = [];
  return {
    content: await createLocalContentStore({ directory: mkdtempSync(join(base, "content-")) }),
    indexCache: createMemoryIndexCache(),
    lease: async (...digests) => void leased.push(...digests),
    leased,
    workers: 2,
    limits: DEFAULT_LIMITS,
  };
}

/** The image, and how often each of its layers was opened. */
export function countOpening(source: ImageSource): { readonly source: ImageSource; readonly opened: number[] } {
  const opened = source.layers.map(() => 0);
  const layers = source.layers.map((layer, i) => {
    if (layer.kind !== "blob") return layer;
    const open: LayerBlob["open"] = async () => {
      opened[i]!++;
      return await layer.open();
    };
    return { ...layer, open };
  });
  return { source: { ...source, layers }, opened };
}

/** Digests of all blobs, sorted, and refs of all ingests that were left. */
export async function remainsOf(content: ContentStore): Promise<{ readonly blobs: string[]; readonly refs: string[] }> {
  const blobs: string[] = [];
  const refs: string[] = [];
  for await (const { digest } of content.list()) blobs.push(digest);
  for await (const { ref } of content.ingests()) refs.push(ref);
  return { blobs: blobs.sort(), refs };
}

/** The error that an action fails with. */
export async function failureOf(action: Promise<unknown>): Promise<StrataError> {
  return await action.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => error as StrataError,
  );
}

/** A place for tests, in memory where the system has such a place. */
export function scratchDirectory(): string {
  return mkdtempSync(join(process.platform === "linux" ? "/dev/shm" : tmpdir(), "unpack-"));
}
