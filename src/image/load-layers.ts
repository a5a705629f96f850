import { addDetails, mapConcurrent } from "../base/index.ts";
import { type ChainId, chainIds, type DiffId } from "../oci/index.ts";
import { joinHistory } from "./history.ts";
import { ImageLayer } from "./image-layer.ts";
import type { ImageSource, LayerSource } from "./image-source.ts";
import type { IndexThreads } from "./index-threads.ts";
import { LayerLoader, type LoadedLayer } from "./layer-loader.ts";
import type { LoadLayersOptions } from "./load-options.ts";
import { threadsPay } from "./threads-pay.ts";

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
  await using threads = threadsPay(source.layers, options.workers) ? await createThreads() : undefined;
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

/** Loaded only here: most images are done before Node's modules for threads are. */
async function createThreads(): Promise<IndexThreads> {
  const { IndexThreads: Threads } = await import("./index-threads.ts");
  return new Threads();
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
