import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { addDetails, StrataError, toText } from "../../../base/index.ts";
import { fileError, writeFileDurably } from "../../../content/index.ts";
import { chainIdOf, type DiffId, type Digest, hexOf } from "../../../oci/index.ts";
import type { LayerStack } from "../../snapshotter.ts";
import type { Chain } from "./chain.ts";
import { type IndexSources, treeOfChain } from "./chain-tree.ts";
import { layerTarMissing, locateTar, locateTars, stampOfFile } from "./layer-tars.ts";
import { writeImageFile } from "./write-image-file.ts";

/** Raise it when images that were made before must not be mounted any more. */
const FORMAT = 2;
const RECORD = "merged.json";
const FILES: Readonly<Record<ImageVariant, string>> = { escaped: "merged.erofs", plain: "merged-plain.erofs" };

/**
 * Two images of one tree, where they differ: an overlay takes some extended attributes of its lower for its own notes, so
 * there (`escaped`) they have names from which overlayfs gives the real ones; who looks at the image itself (`plain`)
 * wants them as they are.
 */
export type ImageVariant = "escaped" | "plain";

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

interface RecordedTar {
  readonly diffId: DiffId;
  /** Relative to the directory of the snapshot, so that a store may be moved as a whole. */
  readonly path: string;
  readonly size: number;
}

interface FoundTar {
  readonly path: string;
  /** Of its stamp. */
  readonly text: string;
}

/** What lies beside the images and is written last: all that is needed to mount them. */
interface ImageRecord {
  readonly format: number;
  /** Bytes of each image. One that does not differ from `escaped` is not there. */
  readonly sizes: { readonly escaped: number; readonly plain?: number | undefined };
  /** SHA-256 of each, in hex. */
  readonly sums: { readonly escaped: string; readonly plain?: string | undefined };
  readonly whiteoutDevice?: string | undefined;
  /** One for each layer, base first. */
  readonly tars: readonly RecordedTar[];
  /** The layers whose tars are the devices of the images, in the kernel's order. */
  readonly devices: readonly number[];
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

/** The same chain gives the same bytes: its chainID is their identity. */
async function makeMergedImage(chain: Chain, { sources, stack }: ImageRequest): Promise<void> {
  const { directory } = chain.top;
  const tars = await locateTars(sources.content, chain.diffIds);
  const tree = await treeOfChain(chain, sources, stack);
  const uuid = Buffer.from(hexOf(chainIdOf(chain.diffIds) as string as Digest), "hex").subarray(0, 16);
  const shared = { uuid, diffIds: chain.diffIds, content: sources.content };
  const write = (variant: ImageVariant): ReturnType<typeof writeImageFile> =>
    writeImageFile(tree, { ...shared, path: join(directory, FILES[variant]), escapeOverlay: variant === "escaped" });
  const escaped = await write("escaped");
  const plain = escaped.overlayMarked.length === 0 ? undefined : await write("plain");
  const [whiteoutDevice] = escaped.whiteoutDevices;
  const record: ImageRecord = {
    format: FORMAT,
    sizes: { escaped: escaped.bytes, plain: plain?.bytes },
    sums: { escaped: escaped.sha256, plain: plain?.sha256 },
    whiteoutDevice: whiteoutDevice === undefined ? undefined : toText(whiteoutDevice),
    tars: tars.map(({ diffId, path, size }) => ({ diffId, path: relative(directory, path), size })),
    devices: escaped.deviceLayers,
  };
  await writeFileDurably(join(directory, RECORD), JSON.stringify(record));
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

function readRecord(directory: string): ImageRecord | undefined {
  const path = join(directory, RECORD);
  try {
    const record = JSON.parse(readFileSync(path, "utf8")) as ImageRecord;
    return record.format === FORMAT ? record : undefined;
  } catch (error) {
    // What cannot be understood is made again.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
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
