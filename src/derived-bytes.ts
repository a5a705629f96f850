import type { IndexCache } from "./content/index.ts";
import { type ImageLayer, LAYER_INDEX_FORMAT, type LayerSource, type Limits, recallChainId } from "./image/index.ts";
import type { ChainId } from "./oci/index.ts";
import { MERGED_TREE_FORMAT } from "./union/index.ts";

/** What programs make of an image's files and find again by the layers' chainID, read under the same limits. */
export class DerivedBytes {
  readonly #cache: IndexCache | undefined;
  readonly #limits: string;

  /** @param cache only what was verified lies there; undefined: nothing is remembered */
  constructor(cache: IndexCache | undefined, limits: Limits) {
    this.#cache = cache;
    this.#limits = Object.entries(limits)
      .map(([name, limit]) => `${name}=${limit}`)
      .sort()
      .join(";");
  }

  /** What was kept for these layers; undefined too where one of them must be read to know what it holds. */
  async recall(name: string, layers: readonly LayerSource[]): Promise<Uint8Array | undefined> {
    const cache = this.#cache;
    if (cache === undefined) return undefined;
    const chainId = await recallChainId(cache, layers);
    return chainId && (await cache.get(this.#keyOf(name, chainId)));
  }

  /** Whether {@link remember} does anything for these layers. */
  canRemember(layers: readonly ImageLayer[]): boolean {
    return this.#cache !== undefined && chainIdOf(layers) !== undefined;
  }

  /** Keeps bytes, where there is a cache, and the chainID of the layers stands for all that is in them. */
  async remember(name: string, bytes: Uint8Array, layers: readonly ImageLayer[]): Promise<void> {
    const chainId = chainIdOf(layers);
    if (chainId !== undefined) await this.#cache?.set(this.#keyOf(name, chainId), bytes);
  }

  #keyOf(name: string, chainId: ChainId): string {
    return `derived/${LAYER_INDEX_FORMAT}.${MERGED_TREE_FORMAT}/${this.#limits}/${name}/${chainId}`;
  }
}

/** Undefined where it does not tell what all layers hold. */
function chainIdOf(layers: readonly ImageLayer[]): ChainId | undefined {
  return layers.every(({ kind }) => kind === "blob") ? layers.at(-1)?.chainId : undefined;
}
