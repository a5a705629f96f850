import type { ByteSource } from "../base/index.ts";
import type { Scratch } from "../content/index.ts";
import { type LayerIndex, LayerIndexBuilder } from "../layer/index.ts";
import { type DiffId, verifyStream } from "../oci/index.ts";
import type { Compression } from "../tar/index.ts";
import type { LayerContents } from "./image-layer.ts";
import type { LayerBlob, LayerSource } from "./image-source.ts";
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

/** Loads the layers of one image and owns everything that they hold open. */
export class LayerLoader implements AsyncDisposable {
  readonly #options: LoadLayersOptions;
  readonly #threads: IndexThreads | undefined;
  readonly #memory: LayerMemory | undefined;
  readonly #byBytes = new Map<string, Promise<LoadedLayer>>();
  readonly #held: AsyncDisposable[] = [];

  /** @param threads index layers in local files where given; they stay the caller's */
  constructor(options: LoadLayersOptions, threads?: IndexThreads) {
    this.#options = options;
    this.#threads = threads;
    this.#memory = options.cache && new LayerMemory(options.cache);
  }

  /** Loads one layer; the same bytes a second time cost nothing. */
  async load(layer: LayerSource, number: number, signal: AbortSignal): Promise<LoadedLayer> {
    if (layer.kind === "absent") return { index: EMPTY, diffId: layer.diffId, contents: { kind: "absent" } };
    if (layer.kind === "listing") {
      const { index, open } = await layer.load({ signal });
      return { index, diffId: layer.diffId, contents: { kind: "listing", open } };
    }
    const key = bytesKey(layer);
    const earlier = this.#byBytes.get(key);
    if (earlier !== undefined) return await earlier;
    const loading = this.#loadBlob(layer, number, signal);
    this.#byBytes.set(key, loading);
    return await loading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const held of this.#held.reverse()) await held[Symbol.asyncDispose]();
  }

  async #loadBlob(blob: LayerBlob, number: number, signal: AbortSignal): Promise<LoadedLayer> {
    const stored = this.#hold(await blob.open());
    const remembered = await this.#memory?.recall(blob, this.#options.verify);
    if (remembered !== undefined && isWithin(remembered.index, stored.size, this.#options.limits)) {
      this.#options.onProgress?.({ kind: "layer-loaded", layer: number, fromCache: true });
      return this.#loaded(stored, { ...remembered, compression: await compressionOf(stored) });
    }
    const indexed = await this.#index(blob, stored, { layer: number, signal });
    const { index, diffId } = indexed;
    if (diffId !== undefined && this.#options.verify) await this.#memory?.remember(blob, { index, diffId });
    this.#options.onProgress?.({ kind: "layer-loaded", layer: number, fromCache: false });
    return this.#loaded(stored, indexed);
  }

  async #index(
    blob: LayerBlob,
    stored: ByteSource,
    { layer, signal }: { readonly layer: number; readonly signal: AbortSignal },
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
    if (isLong && this.#threads !== undefined && blob.location !== undefined) {
      return await this.#threads.index({ location: blob.location, ...common }, { signal, onBytes });
    }
    return await indexLayer(stored, { ...common, signal, onBytes });
  }

  #loaded(stored: ByteSource, { index, diffId, compression, tar }: IndexedLayer): LoadedLayer {
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
