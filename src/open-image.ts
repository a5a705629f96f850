import { availableParallelism } from "node:os";
import { addDetails, StrataError } from "./base/index.ts";
import { createLocalIndexCache, createLocalScratch, type IndexCache, type Scratch } from "./content/index.ts";
import { Held } from "./held.ts";
import { hostPlatform } from "./host-platform.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_SOURCE_LIMITS,
  type ImageSource,
  joinHistory,
  type Limits,
  type LoadEvent,
  loadLayers,
} from "./image/index.ts";
import { mergeImageLayers, rememberedTree } from "./merged-tree-of.ts";
import { type PlaceOptions, rootOf, sourceOptions } from "./named-places.ts";
import { OpenedImage } from "./opened-image.ts";
import { following, resolveName } from "./resolve-name.ts";
import { openStore } from "./store/index.ts";
import { openSource } from "./transport/index.ts";

/** How an image is opened. */
export interface OpenImageOptions extends PlaceOptions {
  /**
   * Verify digest and diffID of every layer that is read. Default: true. False seeks through uncompressed layers and
   * reads headers only: much faster, and blind to changed bytes.
   */
  readonly verify?: boolean | undefined;
  /**
   * A directory in which the tables of contents of layers are remembered; the local store remembers those of its own
   * images. Default: none are.
   */
  readonly cache?: string | undefined;
  /**
   * When compressed layers are kept uncompressed in temporary files: `lazy` once a second of their files is read,
   * `eager` while they are opened, which makes all reading synchronous and quick. Default: `lazy`.
   */
  readonly spool?: "lazy" | "eager" | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** Layers read at once. Default: one for each processor. */
  readonly workers?: number | undefined;
  readonly onProgress?: ((event: LoadEvent) => void) | undefined;
}

/**
 * Opens an image wherever it lives: `docker-archive:PATH[:REF]`, `oci:PATH[:TAG]`, `oci-archive:PATH[:TAG]`, `dir:PATH`,
 * `tar:PATH`, `docker-root:PATH#REF`, `containers-storage:REF`, `docker://REF`, `store:NAME`, `-` for standard input; else
 * a name of the local store, a path whose format is recognised, or a reference to a registry, in this order.
 *
 * Reads every layer once, or not at all when the cache remembers it; extracts nothing. The caller disposes the image.
 *
 * @throws StrataError naming the image, and the layer, entry and offset where there is one
 */
export async function openImage(name: string, options: OpenImageOptions = {}): Promise<OpenedImage> {
  const { temporaryDirectory, cache, signal, onProgress, verify = true, spool = "lazy" } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const held = new Held();
  let source: ImageSource | undefined;
  try {
    const scratch = held.add(createLocalScratch({ directory: temporaryDirectory }));
    const named = await openNamedSource(name, held, { options, scratch, limits });
    source = named.source;
    const indexCache =
      cache === undefined ? undefined : (named.indexCache ?? createLocalIndexCache({ directory: cache }));
    const loaded = held.add(
      await loadLayers(source, {
        limits,
        verify,
        spool,
        scratch,
        cache: indexCache,
        workers: options.workers ?? availableParallelism(),
        signal,
        onProgress,
      }),
    );
    const { layers } = loaded;
    const mayRemember = verify && indexCache !== undefined;
    const tree = mayRemember ? await rememberedTree(layers, indexCache) : mergeImageLayers(layers);
    return new OpenedImage({ source, layers, tree, release: () => held[Symbol.asyncDispose]() });
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw addDetails(error, { image: name, ...instructionOf(error, source) });
  }
}

/** The documents of an image, and the place that remembers tables of contents for it, where that is not the caller's. */
interface NamedSource {
  readonly source: ImageSource;
  readonly indexCache?: IndexCache;
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
    return { source: held.add(await following(name, resolved, () => openSource(resolved.name, sources))) };
  }
  const store = held.add(await openStore(rootOf(name, options), { isReadOnly: true, remembersIndexes: true }));
  const { platform } = sources;
  const choice = { platform, hostPlatform: hostPlatform(), limits: { ...DEFAULT_SOURCE_LIMITS, expansion } };
  return { source: held.add(await store.openImage(resolved.text, choice)), indexCache: store.indexCache };
}

/** The instruction that made the layer of which an error tells: a number alone means little to people. */
function instructionOf(error: unknown, source: ImageSource | undefined): { createdBy?: string } {
  if (!(error instanceof StrataError) || source === undefined || error.details.layer === undefined) return {};
  const steps = joinHistory(source.config.value, source.layers.length);
  const createdBy = steps.find(({ layer }) => layer === error.details.layer)?.createdBy;
  return createdBy === undefined ? {} : { createdBy };
}
