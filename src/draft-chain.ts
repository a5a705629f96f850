import { availableParallelism } from "node:os";
import { addDetails, type FileTime } from "./base/index.ts";
import type { IndexCache, Scratch } from "./content/index.ts";
import type { DerivedBytes } from "./derived-bytes.ts";
import {
  type EditContext,
  type EditStep,
  filesOf,
  type LoadedFiles,
  loadedFiles,
  ScopedScratch,
} from "./edit/index.ts";
import type { Held } from "./held.ts";
import type { ImageLayer, LayerLibrary, PlacedImage } from "./image/index.ts";
import { treeOfImage } from "./merged-tree-of.ts";
import type { PlaceOptions } from "./place-options.ts";
import type { LayerCompression } from "./transport/index.ts";
import type { MergedTree } from "./union/index.ts";

/** How edits make layers, and what they say of when. */
export interface EditOptions {
  /** How new layers are stored. Default: `gzip`. */
  readonly compression?: LayerCompression | undefined;
  /** For {@link compression}; the codec's own default unless given. */
  readonly compressionLevel?: number | undefined;
  /** RFC 3339: when edits are made, for the configuration and the history. Default: now. */
  readonly created?: string | undefined;
  /** Times of files in new layers that are later than this become this: SOURCE_DATE_EPOCH. */
  readonly clampTime?: FileTime | undefined;
}

/** What all drafts of one image share. */
export interface DraftChain {
  /** The image as the user wrote it, and the transport that it came by; for messages. */
  readonly reference: string;
  readonly transport: string;
  readonly layerLibrary: LayerLibrary;
  readonly scratch: Scratch;
  readonly options: PlaceOptions & EditOptions;
  /** Where the trees of layers that lie in this place are remembered. */
  readonly indexCache: IndexCache | undefined;
  /** What programs made of the files of images is remembered there too. */
  readonly derived: DerivedBytes;
  /** All that the drafts stand on. */
  readonly held: Held;
}

/** An edit of documents and layers. */
export type Edit = (ctx: EditContext) => PlacedImage | Promise<PlacedImage>;

/** Does one edit. The layers that it makes live as long as the chain; when it fails, nothing stays of them. */
export async function editInChain(chain: DraftChain, edit: Edit, step: EditStep = {}): Promise<PlacedImage> {
  const { compression, compressionLevel, created, clampTime, signal } = chain.options;
  const scratch = new ScopedScratch(chain.scratch);
  const cores = availableParallelism();
  try {
    const image = await edit({
      scratch,
      compression,
      level: compressionLevel,
      cores,
      created,
      clampTime,
      step,
      signal,
      onLayer: ({ source, ...written }) => chain.layerLibrary.add(source, written),
    });
    chain.held.add(scratch);
    return image;
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw addDetails(error, { image: chain.reference });
  }
}

/** The files of an image, its layers read as far as nobody in the chain has read them. */
export async function loadFiles(chain: DraftChain, image: PlacedImage): Promise<LoadedFiles> {
  const { layerLibrary, reference, indexCache } = chain;
  const layers = await layerLibrary.load({ ...image, reference });
  return loadedFiles(layers, await treeOf(layers, indexCache));
}

/** The tree that layers make: remembered where it can be. */
export async function treeOf(layers: readonly ImageLayer[], cache: IndexCache | undefined): Promise<MergedTree> {
  return cache === undefined ? filesOf(layers) : await treeOfImage(layers, cache);
}
