import { availableParallelism } from "node:os";
import { addDetails } from "./base/index.ts";
import { createLocalScratch, createMemoryIndexCache, createTemporaryContentStore } from "./content/index.ts";
import { type ExtractReport, extractMergedTree, fillDirectory } from "./directory/index.ts";
import { Held } from "./held.ts";
import { DEFAULT_LIMITS, type ImageSource } from "./image/index.ts";
import { isRoot } from "./linux/index.ts";
import { openNamedSource } from "./named-source.ts";
import type { Digest } from "./oci/index.ts";
import type { Store } from "./store/index.ts";
import { type UnpackLayersOptions, unpackLayers } from "./unpack/index.ts";
import type { UnpackNamedOptions } from "./unpack-place.ts";

/** How an image becomes plain files. */
export interface UnpackToDirectoryOptions extends Omit<UnpackNamedOptions, "snapshotter"> {
  /** `apply` owners, devices and all attributes, which needs root; or `record` them. Default: `apply` for root. */
  readonly owners?: "apply" | "record" | undefined;
}

/**
 * Writes the merged file system of an image, wherever it lives, into a new or empty directory. Everything is decided
 * before the first file is made, and the directory appears whole; when it fails, what was made is gone. A process that
 * dies leaves a hidden directory beside it, which the next one removes. The local store is only read.
 * @throws StrataError naming the image; `directory-not-empty`, `directory-in-use`
 */
export async function unpackToDirectory(
  name: string,
  directory: string,
  options: UnpackToDirectoryOptions = {},
): Promise<ExtractReport> {
  try {
    return await fillDirectory(directory, (place) => writeFiles(name, place, options));
  } catch (error) {
    throw addDetails(error, { image: name });
  }
}

async function writeFiles(name: string, directory: string, options: UnpackToDirectoryOptions): Promise<ExtractReport> {
  await using held = new Held();
  const { owners = isRoot() ? "apply" : "record", signal } = options;
  const scratch = held.add(createLocalScratch({ directory: options.temporaryDirectory }));
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { source, store } = await openNamedSource(name, held, { options, scratch, limits });
  const stack = await unpackLayers(source, await layersPlace(source, held, { options, store }));
  const tars = { openTar: (layer: number) => stack.openTar(layer) };
  return await extractMergedTree(directory, stack.tree, tars, { owners, signal });
}

/** Tars go where they already are, if all are, and else where they are gone afterwards. */
async function layersPlace(
  source: ImageSource,
  held: Held,
  { options, store }: { readonly options: UnpackToDirectoryOptions; readonly store: Store | undefined },
): Promise<UnpackLayersOptions> {
  const common = {
    workers: options.workers ?? availableParallelism(),
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    signal: options.signal,
    onEvent: options.onUnpack,
    // Nothing else frees what is in a store that only we know; and what is read from one of others is held by its image.
    lease: async () => {},
  };
  if (store !== undefined && (await hasAllTars(source, store))) {
    return { ...common, content: store.content, indexCache: store.indexCache };
  }
  const content = held.add(await createTemporaryContentStore(options.temporaryDirectory));
  return { ...common, content, indexCache: createMemoryIndexCache() };
}

async function hasAllTars({ layers }: ImageSource, { content }: Store): Promise<boolean> {
  for (const { diffId } of layers) {
    if (diffId === undefined || (await content.stat(diffId as string as Digest)) === undefined) return false;
  }
  return true;
}
