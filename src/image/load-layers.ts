import { addDetails, type ByteSource, mapConcurrent } from "../base/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import { type ChainId, chainIds, type DiffId } from "../oci/index.ts";
import { joinHistory } from "./history.ts";
import { ImageLayer } from "./image-layer.ts";
import type { ImageSource, LayerBlob, LayerSource } from "./image-source.ts";
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
export async function loadLayers(image: LayeredImage, options: LoadLayersOptions): Promise<LoadedLayers> {
  const library = new LayerLibrary(options);
  try {
    return { layers: await library.load(image), [Symbol.asyncDispose]: () => library[Symbol.asyncDispose]() };
  } catch (error) {
    await library[Symbol.asyncDispose]();
    throw error;
  }
}

/** What loading wants of an image. */
export type LayeredImage = Pick<ImageSource, "reference" | "layers" | "config">;

/**
 * The layers of several images that share some: each is read once, whichever image asks first. Disposing it releases
 * everything that they hold open.
 */
export class LayerLibrary implements AsyncDisposable {
  readonly #options: LoadLayersOptions;
  readonly #loader: LayerLoader;

  constructor(options: LoadLayersOptions) {
    this.#options = options;
    this.#loader = new LayerLoader(options);
  }

  /** Indexes those layers of an image that nobody has asked for yet. @throws StrataError as {@link loadLayers} */
  async load(image: LayeredImage): Promise<readonly ImageLayer[]> {
    const { workers, signal: outer } = this.#options;
    const unread = image.layers.filter((layer) => !this.#loader.has(layer));
    await using threads = threadsPay(unread, workers) ? await createThreads() : undefined;
    const loaded = await mapConcurrent(image.layers, workers, async (layer, number, stop) => {
      const signal = outer === undefined ? stop : AbortSignal.any([outer, stop]);
      try {
        return await this.#loader.load(layer, { number, signal, threads });
      } catch (error) {
        throw addDetails(error, { image: image.reference, layer: number });
      }
    });
    return identify(image, loaded);
  }

  /** Takes in a layer that was just made: nobody reads it to know it. @param tar its owner keeps it open */
  add(layer: LayerBlob, { index, tar }: { readonly index: LayerIndex; readonly tar: ByteSource }): void {
    this.#loader.adopt(layer, { index, diffId: layer.diffId, contents: { kind: "tar", tar } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loader[Symbol.asyncDispose]();
  }
}

/** Loaded only here: most images are done before Node's modules for threads are. */
async function createThreads(): Promise<IndexThreads> {
  const { IndexThreads: Threads } = await import("./index-threads.ts");
  return new Threads();
}

/** Gives each layer its place, its instruction and, as far up as all diffIDs are known, its chainID. */
function identify(source: LayeredImage, loaded: readonly LoadedLayer[]): ImageLayer[] {
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
