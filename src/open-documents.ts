import { addDetails } from "./base/index.ts";
import { createLocalScratch } from "./content/index.ts";
import { Held } from "./held.ts";
import { DEFAULT_LIMITS, type HistoryStep, type ImageSource, joinHistory } from "./image/index.ts";
import { type LoadImageOptions, loadImage } from "./load-image.ts";
import type { PlaceOptions } from "./named-places.ts";
import { openNamedSource } from "./named-source.ts";
import type { OpenedImage } from "./opened-image.ts";

/** How an image is opened. */
export interface OpenImageOptions extends PlaceOptions, LoadImageOptions {
  readonly signal?: AbortSignal | undefined;
}

/** An image whose documents are open and whose layers nobody has read yet. Dispose it, or the image that it becomes. */
export interface OpenedDocuments extends AsyncDisposable {
  readonly source: ImageSource;
  /** The steps that made the image, each with its layer. */
  readonly history: readonly HistoryStep[];
  /** Reads the layers; disposing the image then disposes all of this. Once. @throws StrataError as openImage */
  load(): Promise<OpenedImage>;
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
    const { source, store } = await openNamedSource(name, held, { options, scratch, limits });
    return {
      source,
      history: joinHistory(source.config.value, source.layers.length),
      load: async () =>
        await loadImage({ name, source, indexCache: store?.indexCache, scratch, limits, held }, options),
      [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
    };
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw addDetails(error, { image: name });
  }
}
