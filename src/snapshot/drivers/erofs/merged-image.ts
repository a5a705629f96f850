import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { addDetails, StrataError } from "../../../base/index.ts";
import { fileError } from "../../../content/index.ts";
import type { DiffId } from "../../../oci/index.ts";
import type { LayerStack } from "../../snapshotter.ts";
import type { Chain } from "./chain.ts";
import type { IndexSources } from "./chain-tree.ts";
import { FILES, type ImageRecord, type ImageVariant, type RecordedTar, readRecord } from "./image-record.ts";
import { layerTarMissing, locateTar, stampOfFile } from "./layer-tars.ts";

/** The metadata image of a chain, ready to be mounted. */
export interface MergedImage {
  /** Absolute path of the image itself. */
  readonly path: string;
  /** Absolute paths of the tars that are its devices, in their order. */
  readonly devices: readonly string[];
  /** Identity of the image and of the tars of all layers, as they are now. */
  readonly stamp: string;
  /** Which of the two it is; `escaped` where they do not differ. */
  readonly variant: ImageVariant;
  /** A device 0:0 of the tree, by its path; below an overlay it would be a whiteout. */
  readonly whiteoutDevice: string | undefined;
}

interface FoundTar {
  readonly path: string;
  /** Of its stamp. */
  readonly text: string;
}

/** What is wanted of a chain. */
export interface ImageRequest {
  readonly sources: IndexSources;
  readonly variant: ImageVariant;
  /** Spares merging the layers when it is just this chain. */
  readonly stack: LayerStack | undefined;
}

/**
 * The image of a chain, made unless it was. When it was, nothing is read but its record, and every file is looked at. The
 * caller holds the lock of the chain's top.
 * @throws StrataError `layer-tar-missing`; as reading the layers and writing the files does
 */
export async function ensureMergedImage(chain: Chain, request: ImageRequest): Promise<MergedImage> {
  const found = await findMergedImage(chain, request);
  if (found !== undefined) return found;
  const { makeMergedImage } = await import("./make-merged-image.ts");
  await makeMergedImage(chain, request);
  const made = await findMergedImage(chain, request);
  if (made !== undefined) return made;
  throw new StrataError({
    code: "merged-image-lost",
    kind: "unavailable",
    message: `The merged image in ${chain.top.directory} was changed while it was made`,
    details: { path: chain.top.directory },
    hint: "Try again",
  });
}

async function findMergedImage(
  chain: Chain,
  { sources, variant: wanted }: ImageRequest,
): Promise<MergedImage | undefined> {
  const { directory } = chain.top;
  const record = readRecord(directory);
  if (record === undefined || !isOf(record, chain)) return undefined;
  const variant = wanted === "plain" && record.sizes.plain !== undefined ? "plain" : "escaped";
  const path = join(directory, FILES[variant]);
  const image = stampOfFile(path);
  if (image === undefined || image.size !== record.sizes[variant]) return undefined;
  const tars = await findTars(directory, record.tars, sources);
  const devices = record.devices.map((layer) => (tars[layer] as FoundTar).path);
  return {
    path,
    variant,
    devices,
    stamp: [image, ...tars].map(({ text }) => text).join(" "),
    whiteoutDevice: record.whiteoutDevice,
  };
}

/** Bytes that the images of a snapshot take; 0 before they were made. */
export async function imageBytes(directory: string): Promise<number> {
  const record = readRecord(directory);
  return record === undefined ? 0 : record.sizes.escaped + (record.sizes.plain ?? 0);
}

/**
 * Whether the images of a snapshot are what was written, as far as they are there; reads them whole.
 * @returns paths of those that are not @throws StrataError as `fileError`
 */
export async function findDamagedImages(directory: string): Promise<readonly string[]> {
  const record = readRecord(directory);
  const damaged: string[] = [];
  for (const variant of ["escaped", "plain"] as const) {
    const sum = record?.sums[variant];
    const path = join(directory, FILES[variant]);
    if (sum !== undefined && existsSync(path) && (await sha256Of(path)) !== sum) damaged.push(path);
  }
  return damaged;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  } catch (error) {
    throw fileError(error, path);
  }
  return hash.digest("hex");
}

function isOf({ tars }: ImageRecord, { diffIds }: Chain): boolean {
  return tars.length === diffIds.length && tars.every(({ diffId }, layer) => diffId === diffIds[layer]);
}

async function findTars(
  directory: string,
  tars: readonly RecordedTar[],
  { content }: IndexSources,
): Promise<FoundTar[]> {
  const found: FoundTar[] = [];
  for (const [layer, { diffId, path, size }] of tars.entries()) {
    const recorded = join(directory, path);
    // The snapshots may have been moved away from their store.
    const place = stampOfFile(recorded) === undefined ? await pathOfTar(content, diffId, layer) : recorded;
    const stamp = stampOfFile(place);
    if (stamp?.size !== size) throw addDetails(layerTarMissing(diffId), { layer });
    found.push({ path: place, text: stamp.text });
  }
  return found;
}

async function pathOfTar(content: IndexSources["content"], diffId: DiffId, layer: number): Promise<string> {
  try {
    return (await locateTar(content, diffId)).path;
  } catch (error) {
    throw addDetails(error, { layer });
  }
}
