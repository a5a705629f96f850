import { type ChainId, type DiffId, explainChainId, hexOf, parseChainId, parseDiffId } from "../../oci/index.ts";
import { layerLoop, malformedStorage, missingLayer } from "../storage-driver/storage-error.ts";
import type { StorageFiles } from "../storage-driver/storage-files.ts";

/** One record of `layerdb`. */
export interface StoredLayer {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
  /** Name of the layer's directory at the driver. */
  readonly cacheId: string;
  /** Directory of the record, relative to the root. */
  readonly record: string;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const CACHE_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/;

/**
 * The layers from the base up to `top`, as `layerdb` has them. Every chainID is computed again from the diffIDs below it.
 *
 * @throws StrataError `storage-layer-missing`, `storage-layer-loop`, `storage-malformed`
 */
export async function readLayerChain(files: StorageFiles, driver: string, top: ChainId): Promise<StoredLayer[]> {
  const found: StoredLayer[] = [];
  const seen = new Set<ChainId>();
  for (let next: ChainId | undefined = top; next !== undefined; ) {
    const record: string = `image/${driver}/layerdb/sha256/${hexOf(next as string as DiffId)}`;
    if (seen.has(next)) throw layerLoop(files.pathOf(record), next);
    seen.add(next);
    found.push(await readLayer(files, next, record));
    const parent = await files.line(`${record}/parent`, DIGEST);
    next = parent === undefined ? undefined : parseChainId(parent);
  }
  found.reverse();
  assertChain(files, found);
  return found;
}

async function readLayer(files: StorageFiles, chainId: ChainId, record: string): Promise<StoredLayer> {
  const lineOf = async (name: string, pattern: RegExp): Promise<string> => {
    const text = await files.line(`${record}/${name}`, pattern);
    if (text === undefined) throw missingLayer(files.pathOf(`${record}/${name}`), chainId, "is missing");
    return text;
  };
  const diffId = parseDiffId(await lineOf("diff", DIGEST));
  return { chainId, diffId, cacheId: await lineOf("cache-id", CACHE_ID), record };
}

function assertChain(files: StorageFiles, layers: readonly StoredLayer[]): void {
  let parent: ChainId | undefined;
  for (const { chainId, diffId, record } of layers) {
    const computed = explainChainId(parent, diffId).chainId;
    if (computed !== chainId) {
      throw malformedStorage(
        files.pathOf(record),
        `its chainID should be ${computed}, as its diff and its parents say`,
      );
    }
    parent = chainId;
  }
}
