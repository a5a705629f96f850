import { StrataError } from "../base/index.ts";
import type { ChainId, DiffId, Digest } from "../oci/index.ts";
import type { LayerStack, SnapshotInfo, SnapshotName, Snapshotter } from "../snapshot/index.ts";
import type { StandingLayers, UnpackedImageLayer, UnpackOptions } from "./unpack-options.ts";

/** An image whose layers are committed snapshots, each on the one before. */
export interface UnpackedImage {
  /** Name of the topmost snapshot; undefined for an image without layers, whose root file system is empty. */
  readonly chainId: ChainId | undefined;
  /** The layers, indexed and merged; undefined where all snapshots were there and no layer was looked at. */
  readonly stack: LayerStack | undefined;
  /** Base first. */
  readonly layers: readonly UnpackedImageLayer[];
}

/** Layers on each other, base first. */
export interface Chain {
  readonly diffIds: readonly DiffId[];
  readonly chainIds: readonly ChainId[];
}

/** What looking for a chain needs. */
export type FindUnpackedOptions = Pick<UnpackOptions, "snapshotter" | "content" | "lease" | "onEvent">;

/**
 * The chain as snapshots, when all of it is here: that costs one look. It is leased first, so that what is found stays: the
 * tars, and the snapshots by their chainIDs. Undefined where anything is missing, and for no layers.
 */
export async function findUnpacked(chain: Chain, options: FindUnpackedOptions): Promise<UnpackedImage | undefined> {
  const { diffIds, chainIds } = chain;
  await options.lease(...([...diffIds, ...chainIds] as string[] as Digest[]));
  if (!(await isWhole(chain, options))) return undefined;
  tellPresent(chain, chainIds.length, options);
  return unpacked(chain, undefined, chainIds.length);
}

/** The lowest layers of a chain that are snapshots. Those below one that is there are too: nobody can remove a parent. */
export async function findStanding({ chainIds }: Chain, snapshotter: Snapshotter): Promise<StandingLayers> {
  for (let count = chainIds.length; count > 0; count--) {
    const found = await findSnapshot(snapshotter, chainIds[count - 1]);
    if (found?.kind === "committed") return { count, needTars: found.content.length > 0 };
  }
  return { count: 0, needTars: true };
}

/** Whether a chain is there with the tars that it needs: where the top needs its own, those below need theirs. */
async function isWhole(
  { chainIds: chain, diffIds }: Chain,
  { snapshotter, content }: FindUnpackedOptions,
): Promise<boolean> {
  const top = await findSnapshot(snapshotter, chain.at(-1));
  if (top?.kind !== "committed") return false;
  for (const diffId of top.content.length > 0 ? diffIds : []) {
    if ((await content.stat(diffId as string as Digest)) === undefined) return false;
  }
  return true;
}

/** The chain as what became of it; so many of its lowest layers were there. */
export function unpacked(
  { diffIds, chainIds: chain }: Chain,
  stack: LayerStack | undefined,
  present: number,
): UnpackedImage {
  const layers = chain.map((chainId, layer) => ({
    diffId: diffIds[layer] as DiffId,
    chainId,
    result: layer < present ? ("present" as const) : ("unpacked" as const),
  }));
  return { chainId: chain.at(-1), stack, layers };
}

/** Tells of the lowest layers that they were there. */
export function tellPresent(
  { chainIds: chain }: Chain,
  count: number,
  { onEvent }: Pick<UnpackOptions, "onEvent">,
): void {
  for (const [layer, chainId] of chain.slice(0, count).entries()) {
    onEvent?.({ type: "snapshot", layer, chainId, state: "present" });
  }
}

/** The name of the snapshot of a layer. */
export function nameOf(chainId: ChainId): SnapshotName {
  return chainId as string as SnapshotName;
}

/** Whether the snapshot of a layer is there. */
export async function isThere(snapshotter: Snapshotter, chainId: ChainId | undefined): Promise<boolean> {
  return (await findSnapshot(snapshotter, chainId))?.kind === "committed";
}

async function findSnapshot(snapshotter: Snapshotter, chainId: ChainId | undefined): Promise<SnapshotInfo | undefined> {
  if (chainId === undefined) return undefined;
  try {
    return await snapshotter.stat(nameOf(chainId));
  } catch (error) {
    if (error instanceof StrataError && error.code === "snapshot-not-found") return undefined;
    throw error;
  }
}
