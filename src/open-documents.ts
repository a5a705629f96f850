import { addDetails } from "./base/index.ts";
import { createLocalScratch, type IndexCache, type Scratch } from "./content/index.ts";
import { Held } from "./held.ts";
import { hostPlatform } from "./host-platform.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_SOURCE_LIMITS,
  type HistoryStep,
  type ImageSource,
  joinHistory,
  type Limits,
} from "./image/index.ts";
import { type LoadImageOptions, loadImage } from "./load-image.ts";
import { type PlaceOptions, rootOf, sourceOptions } from "./named-places.ts";
import type { OpenedImage } from "./opened-image.ts";
import { following, resolveName } from "./resolve-name.ts";
import { openStore } from "./store/index.ts";
import { openSource } from "./transport/index.ts";

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
    const { source, indexCache } = await openNamedSource(name, held, { options, scratch, limits });
    return {
      source,
      history: joinHistory(source.config.value, source.layers.length),
      load: async () => await loadImage({ name, source, indexCache, scratch, limits, held }, options),
      [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
    };
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw addDetails(error, { image: name });
  }
}

/** The documents of an image, and the place that remembers tables of contents for it, where that is not the caller's. */
interface NamedSource {
  readonly source: ImageSource;
  readonly indexCache: IndexCache | undefined;
}

/** Opens an image in the local store or elsewhere; `held` disposes it. */
async function openNamedSource(
  name: string,
  held: Held,
  { options, scratch, limits }: { readonly options: PlaceOptions; readonly scratch: Scratch; readonly limits: Limits },
): Promise<NamedSource> {
  const resolved = await resolveName(name, options.store);
  const expansion = { maxBytes: limits.maxLayerBytes, maxExpansion: limits.maxExpansion };
  const sources = { ...sourceOptions(options, scratch), limits: { expansion } };
  if (resolved.kind === "placed") {
    const source = held.add(await following(name, resolved, () => openSource(resolved.name, sources)));
    return { source, indexCache: undefined };
  }
  const store = held.add(await openStore(rootOf(name, options), { isReadOnly: true, remembersIndexes: true }));
  const { platform } = sources;
  const choice = { platform, hostPlatform: hostPlatform(), limits: { ...DEFAULT_SOURCE_LIMITS, expansion } };
  return { source: held.add(await store.openImage(resolved.text, choice)), indexCache: store.indexCache };
}
