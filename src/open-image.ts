import { availableParallelism } from "node:os";
import { addDetails, StrataError } from "./base/index.ts";
import { createLocalIndexCache, createLocalScratch, type Scratch } from "./content/index.ts";
import { hostPlatform } from "./host-platform.ts";
import {
  DEFAULT_LIMITS,
  type ImageSource,
  joinHistory,
  type Limits,
  type LoadEvent,
  loadLayers,
} from "./image/index.ts";
import { mergeImageLayers, rememberedTree } from "./merged-tree-of.ts";
import { parsePlatform } from "./oci/index.ts";
import { OpenedImage } from "./opened-image.ts";
import { type OpenSourceOptions, openSource } from "./transport/index.ts";

/** How an image is opened. */
export interface OpenImageOptions {
  /** Which image of a multi-platform one: `linux/arm64`, `linux/arm/v7`. Default: the platform of this machine. */
  readonly platform?: string | undefined;
  /**
   * Verify digest and diffID of every layer that is read. Default: true. False seeks through uncompressed layers and
   * reads headers only: much faster, and blind to changed bytes.
   */
  readonly verify?: boolean | undefined;
  /** A directory in which the tables of contents of layers are remembered. Default: none are. */
  readonly cache?: string | undefined;
  /** For what must be spooled: standard input, compressed archives, files of compressed layers. Default: the system's. */
  readonly temporaryDirectory?: string | undefined;
  /**
   * When compressed layers are kept uncompressed in temporary files: `lazy` once a second of their files is read,
   * `eager` while they are opened, which makes all reading synchronous and quick. Default: `lazy`.
   */
  readonly spool?: "lazy" | "eager" | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** Layers read at once. Default: one for each processor. */
  readonly workers?: number | undefined;
  /** What `-` stands for. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: LoadEvent) => void) | undefined;
}

/**
 * Opens an image wherever it lives: `docker-archive:PATH[:REF]`, `oci:PATH[:TAG]`, `oci-archive:PATH[:TAG]`, `dir:PATH`,
 * `tar:PATH`, `-` for standard input, or a path whose format is recognised.
 *
 * Reads every layer once, or not at all when the cache remembers it; extracts nothing. The caller disposes the image.
 *
 * @throws StrataError naming the image, and the layer, entry and offset where there is one
 */
export async function openImage(name: string, options: OpenImageOptions = {}): Promise<OpenedImage> {
  const { temporaryDirectory, cache, signal, onProgress, verify = true, spool = "lazy" } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const indexCache = cache === undefined ? undefined : createLocalIndexCache({ directory: cache });
  const held: AsyncDisposable[] = [];
  const release = async (): Promise<void> => {
    for (const resource of held.reverse()) await resource[Symbol.asyncDispose]();
  };
  let source: ImageSource | undefined;
  try {
    const scratch = hold(held, createLocalScratch({ directory: temporaryDirectory }));
    source = hold(held, await openSource(name, sourceOptions(options, limits, scratch)));
    const loaded = hold(
      held,
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
    return new OpenedImage({ source, layers, tree, release });
  } catch (error) {
    await release();
    throw addDetails(error, { image: name, ...instructionOf(error, source) });
  }
}

/** The instruction that made the layer of which an error tells: a number alone means little to people. */
function instructionOf(error: unknown, source: ImageSource | undefined): { createdBy?: string } {
  if (!(error instanceof StrataError) || source === undefined || error.details.layer === undefined) return {};
  const steps = joinHistory(source.config.value, source.layers.length);
  const createdBy = steps.find(({ layer }) => layer === error.details.layer)?.createdBy;
  return createdBy === undefined ? {} : { createdBy };
}

function sourceOptions(options: OpenImageOptions, limits: Limits, scratch: Scratch): OpenSourceOptions {
  const { platform, stdin, signal } = options;
  return {
    platform: platform === undefined ? undefined : parsePlatform(platform),
    hostPlatform: hostPlatform(),
    stdin,
    signal,
    scratch,
    limits: { expansion: { maxBytes: limits.maxLayerBytes, maxExpansion: limits.maxExpansion } },
  };
}

function hold<T extends AsyncDisposable>(held: AsyncDisposable[], resource: T): T {
  held.push(resource);
  return resource;
}
