import { addDetails, mapConcurrent } from "../base/index.ts";
import type { IndexCache, Scratch } from "../content/index.ts";
import { type ChainId, chainIds, type DiffId } from "../oci/index.ts";
import { joinHistory } from "./history.ts";
import { ImageLayer } from "./image-layer.ts";
import type { ImageSource, LayerSource } from "./image-source.ts";
import { IndexThreads, threadsPay } from "./index-threads.ts";
import { LayerLoader, type LoadedLayer } from "./layer-loader.ts";
import type { Limits } from "./limits.ts";

/** Told while layers are read. */
export type LoadEvent =
  | { readonly kind: "layer-progress"; readonly layer: number; readonly done: number; readonly total: number }
  | { readonly kind: "layer-loaded"; readonly layer: number; readonly fromCache: boolean };

export interface LoadLayersOptions {
  readonly limits: Limits;
  /** See {@link IndexLayerOptions.verify}. */
  readonly verify: boolean;
  /** Where compressed layers are spooled: `eager` while they are indexed, `lazy` when their files are read at random. */
  readonly spool: "lazy" | "eager";
  readonly scratch: Scratch;
  readonly cache?: IndexCache | undefined;
  /** Layers read at once, and threads used when that pays. At least 1. */
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: LoadEvent) => void) | undefined;
}

/** The layers of an image, indexed. Disposing it releases everything that their contents hold open. */
export interface LoadedLayers extends AsyncDisposable {
  readonly layers: readonly ImageLayer[];
}

/**
 * Indexes all layers of an image, several at once. A layer that occurs twice is read once.
 *
 * @throws StrataError of the first layer that fails, with the image and the layer's number
 */
export async function loadLayers(source: ImageSource, options: LoadLayersOptions): Promise<LoadedLayers> {
  await using threads = threadsPay(source.layers, options.workers) ? new IndexThreads() : undefined;
  const loader = new LayerLoader(options, threads);
  try {
    const loaded = await mapConcurrent(source.layers, options.workers, async (layer, number, stop) => {
      const signal = options.signal === undefined ? stop : AbortSignal.any([options.signal, stop]);
      try {
        return await loader.load(layer, number, signal);
      } catch (error) {
        throw addDetails(error, { image: source.reference, layer: number });
      }
    });
    return { layers: identify(source, loaded), [Symbol.asyncDispose]: () => loader[Symbol.asyncDispose]() };
  } catch (error) {
    await loader[Symbol.asyncDispose]();
    throw error;
  }
}

/** Gives each layer its place, its instruction and, as far up as all diffIDs are known, its chainID. */
function identify(source: ImageSource, loaded: readonly LoadedLayer[]): ImageLayer[] {
  const chains = chainsOf(loaded.map(({ diffId }) => diffId));
  const steps = joinHistory(source.config.value, loaded.length);
  return loaded.map(({ index, diffId, contents }, number) => {
    const createdBy = steps.find((step) => step.layer === number)?.createdBy;
    const layer = source.layers[number] as LayerSource;
    return new ImageLayer({ number, source: layer, diffId, chainId: chains[number], createdBy }, index, contents);
  });
}

function chainsOf(diffIds: readonly (DiffId | undefined)[]): readonly ChainId[] {
  const unknown = diffIds.indexOf(undefined);
  return chainIds(diffIds.slice(0, unknown < 0 ? diffIds.length : unknown) as DiffId[]);
}
