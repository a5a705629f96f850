import type { ByteSource } from "../base/index.ts";
import type { Scratch } from "../content/index.ts";
import { type LayerIndex, LayerIndexBuilder } from "../layer/index.ts";
import { type DiffId, verifyStream } from "../oci/index.ts";
import type { Compression } from "../tar/index.ts";
import type { LayerContents } from "./image-layer.ts";
import type { LayerBlob, LayerListing, LayerSource } from "./image-source.ts";
import { compressionOf, type IndexedLayer, indexLayer, uncompressed } from "./index-layer.ts";
import type { IndexThreads } from "./index-threads.ts";
import { LayerMemory } from "./layer-memory.ts";
import { lazyTar } from "./lazy-tar.ts";
import type { Limits } from "./limits.ts";
import type { LoadLayersOptions } from "./load-options.ts";

/** A layer that can be read: what it holds, what it is, and where its files' bytes come from. */
export interface LoadedLayer {
  readonly index: LayerIndex;
  readonly diffId: DiffId | undefined;
  readonly contents: LayerContents;
}

/** How one layer is loaded. */
export interface LoadLayer {
  /** Its number, for messages. */
  readonly number: number;
  readonly signal: AbortSignal;
  /** Index layers in local files where given; they stay the caller's. */
  readonly threads?: IndexThreads | undefined;
}

/** Loads layers and owns everything that they hold open. */
export class LayerLoader implements AsyncDisposable {
  readonly #options: LoadLayersOptions;
  readonly #memory: LayerMemory | undefined;
  /** By the bytes of a blob, or the listing itself. */
  readonly #loaded = new Map<string | LayerListing, Promise<LoadedLayer>>();
  readonly #held: AsyncDisposable[] = [];

  constructor(options: LoadLayersOptions) {
    this.#options = options;
    this.#memory = options.cache && new LayerMemory(options.cache);
  }

  /** Loads one layer; the same a second time costs nothing. */
  async load(layer: LayerSource, how: LoadLayer): Promise<LoadedLayer> {
    if (layer.kind === "absent") return { index: EMPTY, diffId: layer.diffId, contents: { kind: "absent" } };
    const key = layer.kind === "listing" ? layer : bytesKey(layer);
    const earlier = this.#loaded.get(key);
    if (earlier !== undefined) return await earlier;
    const loading = layer.kind === "listing" ? loadListing(layer, how) : this.#loadBlob(layer, how);
    this.#loaded.set(key, loading);
    // Whoever asks again tries again.
    loading.catch(() => this.#loaded.delete(key));
    return await loading;
  }

  /** Whether loading the layer costs nothing any more. */
  has(layer: LayerSource): boolean {
    return layer.kind === "absent" || this.#loaded.has(layer.kind === "listing" ? layer : bytesKey(layer));
  }

  /** Takes in a layer that somebody else read, and keeps open. */
  adopt(layer: LayerBlob, loaded: LoadedLayer): void {
    this.#loaded.set(bytesKey(layer), Promise.resolve(loaded));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const held of this.#held.reverse()) await held[Symbol.asyncDispose]();
  }

  async #loadBlob(blob: LayerBlob, how: LoadLayer): Promise<LoadedLayer> {
    const { number } = how;
    const stored = this.#hold(await blob.open());
    const remembered = await this.#memory?.recall(blob, this.#options.verify);
    if (remembered !== undefined && isWithin(remembered.index, stored.size, this.#options.limits)) {
      this.#options.onProgress?.({ kind: "layer-loaded", layer: number, fromCache: true });
      return this.#readable(stored, { ...remembered, compression: await compressionOf(stored) });
    }
    const indexed = await this.#index(blob, stored, how);
    const { index, diffId } = indexed;
    if (diffId !== undefined && this.#options.verify) await this.#memory?.remember(blob, { index, diffId });
    this.#options.onProgress?.({ kind: "layer-loaded", layer: number, fromCache: false });
    return this.#readable(stored, indexed);
  }

  async #index(
    blob: LayerBlob,
    stored: ByteSource,
    { number: layer, signal, threads }: LoadLayer,
  ): Promise<IndexedLayer> {
    const { limits, verify, onProgress, scratch } = this.#options;
    const { digest, size } = blob.tar ?? blob.descriptor;
    const claim = { diffId: blob.diffId, digest, size };
    const onBytes = onProgress && ((done: number) => onProgress({ kind: "layer-progress", layer, done, total: size }));
    const compression = await compressionOf(stored);
    const isCompressed = compression !== "none";
    const common = { claim, limits, verify, compression };
    if (isCompressed && this.#options.spool === "eager") {
      const spool = this.#hold(await scratch.create());
      return await indexLayer(stored, { ...common, signal, onBytes, spool });
    }
    // Seeking through headers is done before a thread has started.
    const isLong = verify || isCompressed;
    if (isLong && threads !== undefined && blob.location !== undefined) {
      return await threads.index({ location: blob.location, ...common }, { signal, onBytes });
    }
    return await indexLayer(stored, { ...common, signal, onBytes });
  }

  #readable(stored: ByteSource, { index, diffId, compression, tar }: IndexedLayer): LoadedLayer {
    if (compression === "none") return { index, diffId, contents: { kind: "tar", tar: stored } };
    const readable = tar ?? this.#inflating(stored, compression, { index, diffId, scratch: this.#options.scratch });
    return { index, diffId, contents: { kind: "tar", tar: this.#hold(readable) } };
  }

  #inflating(
    stored: ByteSource,
    compression: Compression,
    { index, diffId, scratch }: { index: LayerIndex; diffId: DiffId | undefined; scratch: Scratch },
  ): ByteSource {
    const { limits, verify, signal } = this.#options;
    const claim = { diffId: undefined, digest: undefined, size: stored.size };
    const inflate = (): AsyncIterable<Uint8Array> => {
      const bytes = uncompressed(stored, compression, { claim, limits, verify: false, signal });
      return verify && diffId !== undefined
        ? verifyStream(bytes, { digest: diffId, what: "uncompressed layer" })
        : bytes;
    };
    return lazyTar({ size: index.tarSize, scratch, inflate });
  }

  #hold<T extends AsyncDisposable>(resource: T): T {
    this.#held.push(resource);
    return resource;
  }
}

async function loadListing(layer: LayerListing, { signal }: LoadLayer): Promise<LoadedLayer> {
  const { index, open } = await layer.load({ signal });
  return { index, diffId: layer.diffId, contents: { kind: "listing", open } };
}

/** Whether reading the layer would pass its bounds too; what lies beyond them is read again, to be refused as ever. */
function isWithin({ count, tarSize }: LayerIndex, storedSize: number, limits: Limits): boolean {
  const mayExpandTo = Math.max(1024 ** 3, storedSize * limits.maxExpansion);
  return count <= limits.maxEntries && tarSize <= Math.min(limits.maxLayerBytes, mayExpandTo);
}

/** Equal for layers that are the same stored bytes with the same claims about them. */
function bytesKey({ diffId, descriptor, location, name }: LayerBlob): string {
  const place = location === undefined ? name : `${location.path}@${location.offset}`;
  return `${diffId} ${descriptor.digest ?? place}`;
}

const EMPTY: LayerIndex = new LayerIndexBuilder().finish();
