import { addDetails, mapConcurrent } from "../base/index.ts";
import { type ImageSource, type LayerBlob, rememberDiffId, rememberIndex } from "../image/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import type { DiffId, Digest } from "../oci/index.ts";
import type { LayerStack } from "../snapshot/index.ts";
import { createLayerStack } from "./layer-stack.ts";
import { type LayerJob, planLayers, sizeOf } from "./plan-layers.ts";
import { indexTar, type UnpackedLayer, unpackLayer } from "./unpack-layer.ts";
import type { UnpackEvent, UnpackLayersOptions } from "./unpack-options.ts";
import type { UnpackThreads } from "./unpack-threads.ts";

/** Starting a thread costs about as much as unpacking this many stored bytes. */
const WORTH_A_THREAD = 16 * 1024 * 1024;

/**
 * Sees to it that every layer of an image is unpacked, the largest first, several at once; then merges them. What
 * is here already, in whole or in part, is not read again. A layer that occurs twice is unpacked once.
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
  return stackOf(source, { jobs, layers, content: options.content });
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

function stackOf(
  source: ImageSource,
  {
    jobs,
    layers,
    content,
  }: {
    readonly jobs: readonly LayerJob[];
    readonly layers: ReadonlyMap<LayerJob, UnpackedLayer>;
    readonly content: UnpackLayersOptions["content"];
  },
): LayerStack {
  const diffIds: DiffId[] = [];
  const indexes: LayerIndex[] = [];
  for (const job of jobs) {
    const { diffId, index } = layers.get(job) as UnpackedLayer;
    for (const number of job.numbers) {
      diffIds[number] = diffId;
      indexes[number] = index;
    }
  }
  try {
    return createLayerStack(content, diffIds, indexes);
  } catch (error) {
    throw addDetails(error, { image: source.reference });
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
