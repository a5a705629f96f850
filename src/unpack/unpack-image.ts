import { addDetails, assertNotAborted, mapConcurrent, StrataError } from "../base/index.ts";
import type { ImageSource } from "../image/index.ts";
import { type ChainId, chainIds } from "../oci/index.ts";
import type { LayerStack, Snapshotter } from "../snapshot/index.ts";
import { rememberTree } from "../union/index.ts";
import {
  type Chain,
  findStanding,
  findUnpacked,
  isThere,
  nameOf,
  tellPresent,
  type UnpackedImage,
  unpacked,
} from "./find-unpacked.ts";
import { unpackLayers } from "./unpack-layers.ts";
import type { UnpackEvent, UnpackOptions } from "./unpack-options.ts";

/**
 * Makes each layer of an image a committed snapshot, named by its chainID. What is there already is not made again:
 * when all is, that costs one look. What fails or is killed leaves only whole snapshots and whole tars, from which the
 * next attempt goes on. Several processes may do this for one image at once.
 *
 * @throws StrataError with `image`, `layer`, and the entry and offset where that is to blame
 */
export async function unpackImage(source: ImageSource, options: UnpackOptions): Promise<UnpackedImage> {
  const { snapshotter, onEvent } = options;
  const claimed = claimedChain(source);
  const found = claimed && (await findUnpacked(claimed, options));
  if (found !== undefined) return found;
  const standing = claimed && (await findStanding(claimed, snapshotter));
  const stack = await unpackLayers(source, { ...options, standing });
  const top = stack.chainIds.at(-1);
  if (top === undefined) return { chainId: undefined, stack, layers: [] };
  const { count: present } = standing ?? (await findStanding(stack, snapshotter));
  tellPresent(stack, present, options);
  try {
    await commitFrom(present, stack, options);
    assertNotAborted(options.signal);
    onEvent?.({ type: "warming", chainId: top });
    await snapshotter.warm(nameOf(top), stack);
    if (present < stack.chainIds.length) await rememberTree(options.indexCache, top, stack.tree);
  } catch (error) {
    throw addDetails(error, { image: source.reference });
  }
  return unpacked(stack, stack, present);
}

/** The chain that the image claims; undefined where it does not claim every diffID, or has no layers. */
function claimedChain({ layers }: ImageSource): Chain | undefined {
  const diffIds = layers.flatMap(({ diffId }) => diffId ?? []);
  return diffIds.length === layers.length && layers.length > 0 ? { diffIds, chainIds: chainIds(diffIds) } : undefined;
}

/** Stages the layers from that one on, several at once, and commits them in their order. */
async function commitFrom(first: number, stack: LayerStack, options: UnpackOptions): Promise<void> {
  const numbers = stack.chainIds.map((_, layer) => layer).slice(first);
  // Each layer waits for the commit of the one before, which was begun earlier: so nobody waits for ever.
  const commits: Promise<void>[] = [];
  await mapConcurrent(numbers, options.workers, async (layer, _, stop) => {
    const signal = options.signal === undefined ? stop : AbortSignal.any([options.signal, stop]);
    const commit = bringIn(layer, commits[layer - 1], {
      stack,
      snapshotter: options.snapshotter,
      signal,
      onEvent: options.onEvent,
    });
    // Whoever waits for it hears of a failure; that may be nobody.
    commit.catch(() => {});
    commits[layer] = commit;
    try {
      await commit;
    } catch (error) {
      throw addDetails(error, { layer });
    }
  });
}

interface BringIn {
  readonly stack: LayerStack;
  readonly snapshotter: Snapshotter;
  readonly signal: AbortSignal;
  readonly onEvent: ((event: UnpackEvent) => void) | undefined;
}

/** Another process may do the same at the same time: whoever commits first has done it for both. */
async function bringIn(layer: number, parent: Promise<void> | undefined, work: BringIn): Promise<void> {
  const { stack, snapshotter, signal, onEvent } = work;
  const chainId = stack.chainIds[layer] as ChainId;
  const tell = (state: "present" | "staging" | "committing" | "committed"): void =>
    onEvent?.({ type: "snapshot", layer, chainId, state });
  assertNotAborted(signal);
  if (await isThere(snapshotter, chainId)) return tell("present");
  tell("staging");
  const staged = await snapshotter.stage(stack, layer, { signal });
  await using _ = staged;
  await parent;
  assertNotAborted(signal);
  tell("committing");
  const below = stack.chainIds[layer - 1];
  try {
    await staged.commit(nameOf(chainId), below && nameOf(below));
  } catch (error) {
    if (!(error instanceof StrataError) || error.code !== "snapshot-exists") throw error;
  }
  tell("committed");
}
