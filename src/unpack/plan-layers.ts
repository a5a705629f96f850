import { addDetails, StrataError } from "../base/index.ts";
import {
  type AbsentLayer,
  type ImageSource,
  type LayerBlob,
  type LayerSource,
  recallIndex,
  rememberDiffId,
} from "../image/index.ts";
import type { LayerIndex } from "../layer/index.ts";
import type { DiffId, Digest } from "../oci/index.ts";
import type { ArrivedLayer } from "./layer-arrivals.ts";
import type { StandingLayers, UnpackLayersOptions } from "./unpack-options.ts";

interface JobCommon {
  /** Where in the image it occurs, counted from 0 at the base; at least once. */
  readonly numbers: number[];
  readonly layer: LayerSource;
}

/** What has to be done for one layer. */
export type LayerJob =
  /** The index is known, and the tar is here if it is needed. */
  | (JobCommon & { readonly kind: "ready"; readonly diffId: DiffId; readonly index: LayerIndex })
  /** The tar is here, its index is forgotten. */
  | (JobCommon & { readonly kind: "index"; readonly diffId: DiffId })
  | (JobCommon & { readonly kind: "unpack"; readonly diffId: DiffId | undefined; readonly layer: LayerBlob });

/**
 * Finds out what has to be done for each different layer of an image; all that is claimed is leased before it is looked for.
 * @throws StrataError `layer-absent`, `layer-without-tar`; `digest-mismatch` for a layer that arrived as another one
 */
export async function planLayers(source: ImageSource, options: UnpackLayersOptions): Promise<LayerJob[]> {
  const claimed = source.layers.flatMap(({ diffId }) => (diffId === undefined ? [] : [diffId as string as Digest]));
  await options.lease(...claimed);
  const jobs = new Map<string, LayerJob>();
  const keys = source.layers.map(keyOf);
  for (const [number, layer] of source.layers.entries()) {
    const key = keys[number] as string;
    const known = jobs.get(key);
    if (known !== undefined) {
      known.numbers.push(number);
      continue;
    }
    try {
      const needsTar = isTarNeeded(keys.lastIndexOf(key), options.standing);
      jobs.set(key, await planLayer(layer, number, { ...options, needsTar }));
    } catch (error) {
      throw addDetails(error, { image: source.reference, layer: number });
    }
  }
  return [...jobs.values()];
}

/** @param last where the layer occurs for the last time */
function isTarNeeded(last: number, standing: StandingLayers | undefined): boolean {
  return standing === undefined || standing.needTars || last >= standing.count;
}

/** Bytes to be read; 0 for what is no blob. */
export function sizeOf(layer: LayerSource): number {
  return layer.kind === "listing" ? 0 : layer.descriptor.size;
}

/** Equal for layers that are the same tar. */
function keyOf(layer: LayerSource, number: number): string {
  const digest = layer.kind === "listing" ? undefined : layer.descriptor.digest;
  return layer.diffId ?? digest ?? `layer ${number}`;
}

/**
 * What has to be done for one layer, of this number.
 * @param options `needsTar`: whether its table of contents alone will not do
 * @throws StrataError as {@link planLayers}
 */
export async function planLayer(
  layer: LayerSource,
  number: number,
  options: UnpackLayersOptions & { readonly needsTar: boolean },
): Promise<LayerJob> {
  const { content, indexCache, needsTar } = options;
  const arrived = arrivedAs(layer, number, options);
  const diffId = arrived?.diffId ?? layer.diffId;
  const common = { numbers: [number], layer };
  const hasTar = diffId !== undefined && (await content.stat(diffId as string as Digest)) !== undefined;
  if (hasTar || (diffId !== undefined && !needsTar)) {
    if (layer.kind === "blob" && arrived !== undefined) await rememberDiffId(indexCache, layer, diffId);
    const index = arrived?.index ?? (await recallIndex(indexCache, diffId));
    if (index !== undefined) return { ...common, kind: "ready", diffId, index };
    if (hasTar) return { ...common, kind: "index", diffId };
  }
  if (layer.kind === "absent") throw layerAbsent(layer, number);
  if (layer.kind === "listing") throw layerWithoutTar(layer.name, number);
  return { ...common, layer, kind: "unpack", diffId };
}

/** What the layer turned out to be when it arrived; undefined when nobody followed it. */
function arrivedAs(layer: LayerSource, number: number, { arrived }: UnpackLayersOptions): ArrivedLayer | undefined {
  const digest = layer.kind === "blob" ? layer.descriptor.digest : undefined;
  const actual = digest === undefined ? undefined : arrived?.get(digest);
  if (actual === undefined || layer.diffId === undefined || actual.diffId === layer.diffId) return actual;
  throw new StrataError({
    code: "digest-mismatch",
    kind: "integrity",
    message: `The uncompressed layer ${number} should have the digest ${layer.diffId} but has ${actual.diffId}`,
    details: { digest: layer.diffId },
  });
}

function layerAbsent({ name, reason, diffId }: AbsentLayer, number: number): StrataError {
  return new StrataError({
    code: "layer-absent",
    kind: "not-found",
    message: `The bytes of layer ${number} (${name}) are not here: ${reason}`,
    details: diffId === undefined ? {} : { digest: diffId },
  });
}

function layerWithoutTar(name: string, number: number): StrataError {
  return new StrataError({
    code: "layer-without-tar",
    kind: "unsupported",
    message: `Layer ${number} (${name}) lies unpacked: there is no tar of it to unpack`,
    hint: "Copy the image into the store first, and unpack that",
  });
}
