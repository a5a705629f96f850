import { assertNotAborted, StrataError, toText } from "../../base/index.ts";
import { createLocalScratch, type Scratch } from "../../content/index.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_SOURCE_LIMITS,
  type ImageLayer,
  type LayerBlob,
  type LoadedLayers,
  loadLayers,
  openManifestImage,
  readImageDocuments,
} from "../../image/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { RecordedSnapshot, SnapshotDifference } from "../../snapshot/index.ts";
import type { Fault } from "../fault.ts";
import type { ImageRecord, LeafRecord } from "../metadata/records.ts";
import { readSnapshots, snapshotPath } from "../stored-snapshots.ts";
import { type CheckContext, namesShown } from "./check-context.ts";

/** Paths that a fault names. */
const NAMED = 3;

/**
 * Holds the directories of snapshots against the layers of the images that have them, each snapshot once. What no image has is for
 * prune; an image whose layers are damaged, as the check of the blobs found, proves nothing about its snapshots.
 */
export async function* checkDirectories(context: CheckContext): AsyncGenerator<Fault> {
  const { tables, options, unpacked } = context;
  if (options.isDeep !== true || tables === undefined) return;
  const waiting = new Map<string, RecordedSnapshot[]>();
  for (const snapshot of unpacked.snapshots) {
    if (snapshot.kind !== "committed" || snapshot.driver === "erofs") continue;
    waiting.set(snapshot.name, [...(waiting.get(snapshot.name) ?? []), snapshot]);
  }
  const total = [...waiting.values()].flat().length;
  const shown = tables.read(namesShown);
  for (const [root, record] of tables.read((records) => records.list("image"))) {
    for (const leaf of record.leaves) {
      if (waiting.size === 0) return;
      const compared = { context, waiting, total, images: shown(root) };
      yield* checkLeaf({ record, leaf }, compared);
    }
  }
}

interface Compared {
  readonly context: CheckContext;
  /** Snapshots by chainID, until somebody has compared them. */
  readonly waiting: Map<string, RecordedSnapshot[]>;
  readonly total: number;
  readonly images: readonly string[];
}

interface Leaf {
  readonly record: ImageRecord;
  readonly leaf: LeafRecord;
}

async function* checkLeaf(leaf: Leaf, compared: Compared): AsyncGenerator<Fault> {
  const { context, waiting } = compared;
  await using scratch = createLocalScratch();
  await using loaded = await loadLeaf(leaf, { context, scratch });
  for (const [number, { chainId = "" }] of (loaded?.layers ?? []).entries()) {
    const snapshots = waiting.get(chainId) ?? [];
    waiting.delete(chainId);
    for (const snapshot of snapshots) {
      assertNotAborted(context.options.signal);
      const layers = (loaded?.layers ?? []).slice(0, number + 1);
      const fault = await compareOne(snapshot, { ...compared, layers });
      if (fault !== undefined) yield fault;
    }
  }
}

/** Undefined where the documents or layers are not whole: that is told of them. */
async function loadLeaf(
  { record, leaf }: Leaf,
  { context, scratch }: { readonly context: CheckContext; readonly scratch: Scratch },
): Promise<LoadedLayers | undefined> {
  const { parts, options, damaged } = context;
  const manifest = record.parts.find(({ digest }) => digest === leaf.manifest);
  if (manifest === undefined) return undefined;
  const { mediaType = "", digest, size } = manifest;
  try {
    const found = { descriptor: { mediaType, digest, size }, names: [] };
    const documents = await readImageDocuments(parts.place, found, DEFAULT_SOURCE_LIMITS);
    const image = await openManifestImage(parts.place, documents);
    const isWhole = image.layers.every((layer) => layer.kind === "blob" && !damaged.has(storedOf(layer)));
    if (!isWhole) return undefined;
    const load = { limits: DEFAULT_LIMITS, verify: true, spool: "lazy", scratch, workers: 1 } as const;
    return await loadLayers({ ...image, reference: digest }, { ...load, signal: options.signal });
  } catch (error) {
    if (!(error instanceof StrataError) || error.kind === "aborted") throw error;
    return undefined;
  }
}

/** The blob from which a layer is read. */
function storedOf({ tar, descriptor }: LayerBlob): Digest | undefined {
  return (tar ?? descriptor).digest;
}

async function compareOne(
  snapshot: RecordedSnapshot,
  { context, total, waiting, images, layers }: Compared & { readonly layers: readonly ImageLayer[] },
): Promise<Fault | undefined> {
  const { layout } = context.parts;
  const { compareWithLayers } = await import("../../snapshot/index.ts");
  const { signal, onProgress } = context.options;
  onProgress?.({ kind: "snapshot", done: total - waiting.size, total });
  const compared = { root: layout.snapshots, driver: snapshot.driver, id: snapshot.id };
  const found = await compareWithLayers(compared, layers, { signal }).catch(whyUnreadable);
  if (found.length === 0 || !(await isStillThere(context, snapshot))) return undefined;
  return directoryDiffers(snapshot, { images, found });
}

/** What cannot be read as a tree is not what the layers say. */
function whyUnreadable(error: unknown): readonly SnapshotDifference[] | string {
  if (error instanceof StrataError && UNREADABLE.has(error.code)) return error.message;
  throw error;
}

const UNREADABLE: ReadonlySet<string> = new Set(["file-not-found", "file-changed", "io-error"]);

/** Others may remove a snapshot while it is looked at, a repair of what lies below it too. */
async function isStillThere({ parts }: CheckContext, { driver, id }: RecordedSnapshot): Promise<boolean> {
  const { snapshots } = await readSnapshots(parts.layout);
  return snapshots.some((snapshot) => snapshot.driver === driver && snapshot.id === id);
}

function directoryDiffers(
  { driver, name, id }: RecordedSnapshot,
  { images, found }: { readonly images: readonly string[]; readonly found: readonly SnapshotDifference[] | string },
): Fault {
  const how = typeof found === "string" ? found : differencesOf(found);
  return {
    code: "snapshot-differs",
    severity: "warning",
    what: `The snapshot ${name} of the driver ${driver} is not what its layers say: ${how}`,
    path: snapshotPath({ driver, id }),
    images,
    remedy: "unmount what stands on it and repair the store: it is removed, and made again when it is next needed",
  };
}

function differencesOf(found: readonly SnapshotDifference[]): string {
  const first = found.slice(0, NAMED).map(({ kind, path, fields }) => {
    const how = kind === "modified" ? fields.join(", ") : { added: "is not in them", deleted: "is missing" }[kind];
    return `/${toText(path)} (${how})`;
  });
  const more = found.length - first.length;
  return `${first.join(", ")}${more === 0 ? "" : ` and ${more} more`}`;
}
