import type { FileLocation, IndexCache } from "../content/index.ts";
import { decodeLayerIndex, encodeLayerIndex, type LayerIndex } from "../layer/index.ts";
import { type ChainId, chainIds, type DiffId, parseDiffId } from "../oci/index.ts";
import type { LayerBlob, LayerSource } from "./image-source.ts";

/** Raise it when a reader would take other entries from the same tar. */
export const LAYER_INDEX_FORMAT = 1;

/** What an earlier run found out about a layer. */
export interface RememberedLayer {
  readonly index: LayerIndex;
  readonly diffId: DiffId;
}

/**
 * Remembers two things about layers: the index that belongs to a diffID, and which diffID the bytes at a location were
 * found to have. Bytes count as verified only while their file is the same as it was then (its stamp tells), so an
 * archive that was changed is read and verified again; bytes from a content-addressed place, which cannot be others, always.
 */
export class LayerMemory {
  readonly #cache: IndexCache;

  constructor(cache: IndexCache) {
    this.#cache = cache;
  }

  /**
   * The index of a layer without reading the layer; undefined when it must be read.
   *
   * @param verify whether only verified bytes will do
   */
  async recall(blob: LayerBlob, verify: boolean): Promise<RememberedLayer | undefined> {
    const diffId = await this.diffIdOf(blob, verify);
    if (diffId === undefined) return undefined;
    const index = await recallIndex(this.#cache, diffId);
    return index && { index, diffId };
  }

  /** Keeps what one verified pass over a layer found. */
  async remember(blob: LayerBlob, { index, diffId }: RememberedLayer): Promise<void> {
    await rememberIndex(this.#cache, diffId, index);
    await rememberDiffId(this.#cache, blob, diffId);
  }

  /** The tar that a layer is known to hold, or, unless `verify`, is said to hold. */
  async diffIdOf(blob: LayerBlob, verify: boolean): Promise<DiffId | undefined> {
    if (!verify && blob.diffId !== undefined) return blob.diffId;
    const key = locationKey(blob);
    const found = key === undefined ? undefined : await this.#cache.get(key);
    if (found === undefined) return undefined;
    const diffId = parseDiffId(Buffer.from(found).toString());
    return blob.diffId === undefined || blob.diffId === diffId ? diffId : undefined;
  }
}

/**
 * The chainID of layers each of which some earlier run read and verified, found without opening any; undefined where one must
 * be read to know, and for no layers.
 */
export async function recallChainId(cache: IndexCache, layers: readonly LayerSource[]): Promise<ChainId | undefined> {
  const memory = new LayerMemory(cache);
  const diffIds: DiffId[] = [];
  for (const layer of layers) {
    const diffId = layer.kind === "blob" ? await memory.diffIdOf(layer, true) : undefined;
    if (diffId === undefined) return undefined;
    diffIds.push(diffId);
  }
  return chainIds(diffIds).at(-1);
}

/** The table of contents of a layer that some pass over its tar found; undefined when the tar must be read again. */
export async function recallIndex(cache: IndexCache, diffId: DiffId): Promise<LayerIndex | undefined> {
  const bytes = await cache.get(indexKey(diffId));
  if (bytes === undefined) return undefined;
  try {
    return decodeLayerIndex(bytes);
  } catch {
    return undefined;
  }
}

/** Keeps the table of contents of an uncompressed tar that has this diffID for certain. */
export async function rememberIndex(cache: IndexCache, diffId: DiffId, index: LayerIndex): Promise<void> {
  await cache.set(indexKey(diffId), encodeLayerIndex(index));
}

/** Keeps which uncompressed tar these stored bytes hold for certain. */
export async function rememberDiffId(cache: IndexCache, blob: LayerBlob, diffId: DiffId): Promise<void> {
  const key = locationKey(blob);
  if (key !== undefined) await cache.set(key, Buffer.from(diffId));
}

function indexKey(diffId: DiffId): string {
  return `layer-index/${LAYER_INDEX_FORMAT}/${diffId}`;
}

/** Names bytes in a state of a file, and what they were verified against; undefined where nothing may be remembered. */
function locationKey(blob: LayerBlob): string | undefined {
  const { location, descriptor: published, tar: descriptor = published, isContentAddressed } = blob;
  if (isContentAddressed === true && descriptor.digest !== undefined) {
    return `verified/${LAYER_INDEX_FORMAT}/digest/${descriptor.digest}`;
  }
  const known: FileLocation | undefined = location;
  if (known?.stamp === undefined) return undefined;
  return `verified/${LAYER_INDEX_FORMAT}/${known.stamp}/${known.offset}+${known.size}/${descriptor.digest ?? ""}`;
}
