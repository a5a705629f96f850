import { addDetails } from "./base/index.ts";
import { createLocalIndexCache, createLocalScratch, type IndexCache } from "./content/index.ts";
import { DerivedBytes } from "./derived-bytes.ts";
import type { EditOptions } from "./draft-chain.ts";
import { Held } from "./held.ts";
import { DEFAULT_LIMITS, type HistoryStep, type ImageSource, joinHistory } from "./image/index.ts";
import type { LoadImageOptions } from "./load-image.ts";
import { openNamedSource } from "./named-source.ts";
import type { ImageDraft, OpenedImage } from "./opened-image.ts";
import type { PlaceOptions } from "./place-options.ts";
import type { Store } from "./store/index.ts";

/** How an image is opened. */
export interface OpenImageOptions extends PlaceOptions, LoadImageOptions {
  readonly signal?: AbortSignal | undefined;
  /** The image will be edited: what the local store has of it is protected meanwhile, as far as one may write there. */
  readonly isEdited?: boolean | undefined;
}

/** An image whose documents are open and whose layers nobody has read yet. Dispose it, or the image that it becomes. */
export interface OpenedDocuments extends AsyncDisposable {
  readonly source: ImageSource;
  /** The steps that made the image, each with its layer. */
  readonly history: readonly HistoryStep[];
  /**
   * What `OpenedImage.remember` kept under this name for the very same layers and limits, without reading any; undefined where
   * nothing is kept, or the layers must be read to know what they hold. The bytes belong to the caller.
   */
  recall(name: string): Promise<Uint8Array | undefined>;
  /** Reads the layers; disposing the image then disposes all of this. Once. @throws StrataError as openImage */
  load(): Promise<OpenedImage>;
  /** For making other images of it; disposing the draft then disposes all of this. Once, and not beside {@link load}. */
  draft(options?: EditOptions): Promise<ImageDraft>;
}

/**
 * Opens the documents of an image, by a name as {@link openImage} takes it: manifest and configuration. Layers are not
 * read, so an image in a registry costs a few requests.
 * @throws StrataError naming the image
 */
export async function openDocuments(name: string, options: OpenImageOptions = {}): Promise<OpenedDocuments> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const held = new Held();
  try {
    const scratch = held.add(createLocalScratch({ directory: options.temporaryDirectory }));
    const { source, store } = await openNamedSource(name, held, {
      options,
      scratch,
      limits,
      isEdited: options.isEdited,
    });
    const indexCache = indexCacheOf(options, store);
    const derived = new DerivedBytes(options.verify === false ? undefined : indexCache, limits);
    const init = { name, source, indexCache, derived, scratch, limits, held };
    return {
      source,
      history: joinHistory(source.config.value, source.layers.length),
      recall: async (what) => await derived.recall(what, source.layers),
      load: async () => await (await import("./load-image.ts")).loadImage(init, options),
      draft: async (edits) => await (await import("./load-image.ts")).draftOf(init, { ...options, ...edits }),
      [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
    };
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw addDetails(error, { image: name });
  }
}

/** That of the store which has the image, or the user's directory; undefined where the user wants none. */
function indexCacheOf({ cache }: LoadImageOptions, store: Store | undefined): IndexCache | undefined {
  return cache === undefined ? undefined : (store?.indexCache ?? createLocalIndexCache({ directory: cache }));
}
