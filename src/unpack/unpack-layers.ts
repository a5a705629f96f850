import { addDetails, mapConcurrent } from "../base/index.ts";
import type { LocatedSource } from "../content/index.ts";
import { type ImageSource, type LayerBlob, type LayerSource, rememberDiffId, rememberIndex } from "../image/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import { chainIds, type DiffId, type Digest } from "../oci/index.ts";
import type { LayerStack } from "../snapshot/index.ts";
import { mergeOnShared } from "../union/index.ts";
import { type LayerJob, planLayer, planLayers, sizeOf } from "./plan-layers.ts";
import { indexTar, type UnpackedLayer, unpackLayer } from "./unpack-layer.ts";
import type { UnpackEvent, UnpackLayersOptions } from "./unpack-options.ts";
import type { UnpackThreads } from "./unpack-threads.ts";

/** Starting a thread costs about as much as unpacking this many stored bytes. */
const WORTH_A_THREAD = 16 * 1024 * 1024;

/**
 * Sees to it that every layer of an image is unpacked, the largest first, several at once; then merges them. What
 * is here already, in whole or in part, is not read again. A layer that occurs twice is unpacked once. The source has to stay
 * open as long as the stack is used.
 *
 * @throws StrataError of the first layer that fails, with the image and the layer's number; `layer-absent`,
 * `layer-without-tar`
 */
export async function unpackLayers(source: ImageSource, options: UnpackLayersOptions): Promise<LayerStack> {
  const jobs = await planLayers(source, options);
  const layers = new Map<LayerJob, UnpackedLayer>();
  for (const job of jobs) {
    if (job.kind === "ready") layers.set(job, job);
    tell(job, options, job.kind === "ready" ? "present" : "waiting");
  }
  const order = jobs
    .filter(({ kind }) => kind !== "ready")
    .sort((one, other) => sizeOf(other.layer) - sizeOf(one.layer));
  await using threads = await threadsFor(order, options);
  await mapConcurrent(order, options.workers, async (job, _, stop) => {
    const signal = options.signal === undefined ? stop : AbortSignal.any([options.signal, stop]);
    try {
      layers.set(job, await perform(job, { ...options, signal }, threads));
    } catch (error) {
      throw addDetails(error, { image: source.reference, layer: job.numbers[0] as number });
    }
  });
  return await stackOf(source, inOrder(layers), options);
}

/** Loaded only when needed: an image whose layers are here is done before Node's modules for threads are. */
async function threadsFor(
  order: readonly LayerJob[],
  { workers, content }: UnpackLayersOptions,
): Promise<UnpackThreads | undefined> {
  const bytes = order.reduce((sum, { layer }) => sum + sizeOf(layer), 0);
  if (bytes < WORTH_A_THREAD || workers < 2 || content.directory === undefined) return undefined;
  const { UnpackThreads: Threads } = await import("./unpack-threads.ts");
  return Threads.areAvailable ? new Threads() : undefined;
}

async function perform(
  job: LayerJob,
  options: UnpackLayersOptions,
  threads: UnpackThreads | undefined,
): Promise<UnpackedLayer> {
  tell(job, options, "unpacking");
  const unpacked = await unpack(job, options, threads);
  const { index, diffId } = unpacked;
  await options.lease(diffId as string as Digest);
  await rememberIndex(options.indexCache, diffId, index);
  if (job.kind === "unpack") await rememberDiffId(options.indexCache, job.layer, diffId);
  tell(job, options, "unpacked");
  return unpacked;
}

async function unpack(
  job: LayerJob,
  options: UnpackLayersOptions,
  threads: UnpackThreads | undefined,
): Promise<UnpackedLayer> {
  const { content, limits, signal, onEvent } = options;
  const [layer, size] = [job.numbers[0] as number, sizeOf(job.layer)];
  const onBytes = (bytes: number): void => onEvent?.({ type: "layer-progress", layer, bytes, size });
  const { directory = "" } = content;
  switch (job.kind) {
    case "ready":
      return job;
    case "index":
      return threads === undefined
        ? await indexTar(job.diffId, { content, limits, signal, onBytes })
        : await threads.perform({ kind: "index", directory, diffId: job.diffId, limits }, { signal, onBytes });
    case "unpack": {
      const { digest } = job.layer.descriptor;
      const task = { claim: { diffId: job.diffId, digest, size }, limits, isVerified: false, isStored: false };
      const { location } = job.layer;
      if (threads === undefined || location === undefined) {
        return await unpackHere(job.layer, (stored) => unpackLayer(stored, task, { content, signal, onBytes }));
      }
      const bytes = { kind: "file", location } as const;
      return await threads.perform({ kind: "unpack", directory, bytes, task }, { signal, onBytes });
    }
  }
}

async function unpackHere(
  blob: LayerBlob,
  unpackStored: (stored: Awaited<ReturnType<LayerBlob["open"]>>) => Promise<UnpackedLayer>,
): Promise<UnpackedLayer> {
  await using stored = await blob.open();
  return await unpackStored(stored);
}

interface ReadyLayers {
  /** Base first. */
  readonly diffIds: readonly DiffId[];
  readonly indexes: readonly LayerIndex[];
}

/** @param layers by job; a job may be for several layers */
function inOrder(layers: ReadonlyMap<LayerJob, UnpackedLayer>): ReadyLayers {
  const diffIds: DiffId[] = [];
  const indexes: LayerIndex[] = [];
  for (const [{ numbers }, { diffId, index }] of layers) {
    for (const number of numbers) {
      diffIds[number] = diffId;
      indexes[number] = index;
    }
  }
  return { diffIds, indexes };
}

/** The layers merged, once. @throws StrataError with the number of the layer, when one cannot be applied */
async function stackOf(
  source: ImageSource,
  { diffIds, indexes }: ReadyLayers,
  options: UnpackLayersOptions,
): Promise<LayerStack> {
  const chain = { layers: indexes, chainIds: chainIds(diffIds) };
  const { content, indexCache, standing } = options;
  const openTar = async (layer: number): Promise<LocatedSource> => {
    const digest = diffIds[layer] as string as Digest;
    if ((await content.stat(digest)) === undefined) await bringTar(source, layer, options);
    return await content.open(digest);
  };
  try {
    const tree = await mergeOnShared(indexCache, chain, standing?.count ?? 0);
    return { tree, diffIds, chainIds: chain.chainIds, openTar };
  } catch (error) {
    throw addDetails(error, { image: source.reference });
  }
}

/** For a layer of which nobody thought that its tar would be needed: one above may have a hardlink to a file of it. */
async function bringTar(source: ImageSource, layer: number, options: UnpackLayersOptions): Promise<void> {
  try {
    const job = await planLayer(source.layers[layer] as LayerSource, layer, { ...options, needsTar: true });
    await perform(job, options, undefined);
  } catch (error) {
    throw addDetails(error, { image: source.reference, layer });
  }
}

function tell(
  { numbers, layer }: LayerJob,
  { onEvent }: UnpackLayersOptions,
  state: (UnpackEvent & { type: "layer" })["state"],
): void {
  const digest = layer.kind === "listing" ? undefined : layer.descriptor.digest;
  for (const number of numbers) onEvent?.({ type: "layer", layer: number, digest, size: sizeOf(layer), state });
}
