import { gunzipSync, gzipSync } from "node:zlib";
import { memorySource, readAll } from "../../src/base/index.ts";
import { createMemoryScratch } from "../../src/content/index.ts";
import { type EditContext, type LoadFiles, loadedFiles } from "../../src/edit/index.ts";
import {
  DEFAULT_LIMITS,
  type ImageLayer,
  type LayerBlob,
  type LayerSource,
  loadLayers,
  type PlacedImage,
} from "../../src/image/index.ts";
import { diffIdOfUncompressed, digestOf, MEDIA_TYPE, parseImageConfig } from "../../src/oci/index.ts";
import { indexOf, mergedFiles, type TarStep, type TreeFile, tarScript } from "../../src/testing/index.ts";
import { mergeLayers } from "../../src/union/index.ts";

/** A layer of an image in memory. */
export function layerSourceOf(tar: Uint8Array, { gzip = false } = {}): LayerBlob {
  const stored = gzip ? gzipSync(tar) : tar;
  const digest = digestOf(stored);
  return {
    kind: "blob",
    name: digest,
    diffId: diffIdOfUncompressed(digestOf(tar)),
    descriptor: { mediaType: gzip ? MEDIA_TYPE.ociLayerGzip : MEDIA_TYPE.ociLayer, digest, size: stored.length },
    open: async () => memorySource(stored),
  };
}

/** An image in memory: layers as they are given, a configuration that fits them, and what else it says. */
export function placedImage(layers: readonly LayerSource[], config: object = {}): PlacedImage {
  const document = {
    os: "linux",
    architecture: "amd64",
    created: "2020-01-01T00:00:00Z",
    history: layers.map((_, i) => ({ created: "2020-01-01T00:00:00Z", created_by: `step ${i}` })),
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    ...config,
  };
  const bytes = Buffer.from(JSON.stringify(document));
  const value = parseImageConfig(bytes, { what: "config" });
  return {
    names: [],
    manifest: undefined,
    config: { mediaType: MEDIA_TYPE.ociConfig, digest: digestOf(bytes), bytes, value, isSynthetic: false },
    platform: { os: "linux", architecture: "amd64" },
    layers,
    skipped: [],
  };
}

/** {@link placedImage} of layers that scripts make. */
export function imageOfSteps(layers: readonly (readonly TarStep[])[], options: { gzip?: boolean } = {}): PlacedImage {
  return placedImage(layers.map((steps) => layerSourceOf(tarScript(...steps), options)));
}

/** The layers of an image in memory, read. Nothing has to be disposed. */
export async function layersOf(image: PlacedImage): Promise<readonly ImageLayer[]> {
  const scratch = createMemoryScratch();
  const options = { limits: DEFAULT_LIMITS, verify: true, spool: "lazy", scratch, workers: 1 } as const;
  return (await loadLayers({ ...image, reference: "test" }, options)).layers;
}

/** Reads the layers of an image in memory, and merges them. */
export function loaderOf(image: PlacedImage): LoadFiles {
  return async () => {
    const layers = await layersOf(image);
    const tree = mergeLayers(
      layers.map(({ index }) => index),
      layers.map(({ whiteouts }) => whiteouts),
    );
    return loadedFiles(layers, tree);
  };
}

/** What edits need, the same in every test. */
export function editContext(more: Partial<EditContext> = {}): EditContext {
  return { scratch: createMemoryScratch(), created: "2024-05-06T07:08:09Z", compression: "none", ...more };
}

/** The uncompressed tars of an image's layers. */
export async function tarsOf({ layers }: PlacedImage): Promise<Uint8Array[]> {
  const tars: Uint8Array[] = [];
  for (const layer of layers) {
    if (layer.kind !== "blob") throw new Error(`The layer ${layer.name} is no blob`);
    const bytes = await readAll(await layer.open());
    tars.push(bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes);
  }
  return tars;
}

/** The files that an image shows, as far up as a layer. */
export async function filesOf(image: PlacedImage, upTo = image.layers.length): Promise<TreeFile[]> {
  const tars = (await tarsOf(image)).slice(0, upTo);
  return mergedFiles(mergeLayers(tars.map(indexOf)), tars);
}

/** Fails unless configuration, history and layers of an image belong together. */
export async function assertConsistent(image: PlacedImage): Promise<void> {
  const { config, layers } = image;
  if (digestOf(config.bytes) !== config.digest) throw new Error("The configuration has another digest");
  const { rootfs, history = [] } = parseImageConfig(config.bytes, { what: "config" });
  const diffIds = (await tarsOf(image)).map((tar) => digestOf(tar) as string);
  if (JSON.stringify(diffIds) !== JSON.stringify(rootfs.diff_ids)) throw new Error("The diffIDs are other layers'");
  if (JSON.stringify(diffIds) !== JSON.stringify(layers.map(({ diffId }) => diffId))) throw new Error("diffIDs");
  const steps = history.filter((step) => step.empty_layer !== true).length;
  if (steps !== layers.length) throw new Error(`${steps} steps tell of ${layers.length} layers`);
  for (const layer of layers) {
    if (layer.kind !== "blob") continue;
    const stored = await readAll(await (layer.stored ?? layer).open());
    if (digestOf(stored) !== layer.descriptor.digest) throw new Error("A layer has another digest");
  }
}
