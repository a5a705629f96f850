import { assertNotAborted } from "../base/index.ts";
import { type BlobInfo, lockFile } from "../content/index.ts";
import type { Digest } from "../oci/index.ts";
import { collectSnapshots, keyOf } from "./collect-snapshots.ts";
import { type ImageGraph, neededBy, readGraph, rootOf } from "./image-graph.ts";
import { readLeases } from "./lease.ts";
import type { ImageRecord, Metadata, RecordReader } from "./metadata/records.ts";
import { saveImage } from "./save-image.ts";
import { withSpare } from "./spare.ts";
import type { Amount, GarbageOptions, GarbageReport } from "./store.ts";
import type { StoreParts } from "./store-parts.ts";
import { readSnapshots } from "./stored-snapshots.ts";
import { sweepTables } from "./sweep-tables.ts";

/** Blobs that are freed before others get their turn. */
const BATCH = 64;

/** What a sweep is about. */
export interface SweepOptions extends GarbageOptions {
  /** Only these may be freed; all blobs unless given. */
  readonly candidates?: readonly Digest[] | undefined;
  /** Only snapshots of these chains may go; all unless given. */
  readonly chains?: ReadonlySet<string> | undefined;
  /** Roots that count as gone: for a dry run. */
  readonly without?: ReadonlySet<string> | undefined;
}

/**
 * Removes the snapshots of layers that no image has, then frees every blob that no image and no snapshot needs and no
 * living lease protects; no clock is asked.
 *
 * A batch is judged and freed under the exclusive sweep lock. Under it the leases are read first, then the names and the
 * snapshots: who makes one of these lets its lease go afterwards, so it is seen in one of the two, or in both.
 */
export async function collectGarbage(parts: StoreParts, options: SweepOptions = {}): Promise<GarbageReport> {
  const { signal, isDryRun = false } = options;
  const metadata = await parts.metadata();
  const { chains, without = new Set() } = options;
  const snapshots = await collectSnapshots(parts, { isDryRun, signal, chains, without });
  const candidates = await findCandidates(parts, options.candidates);
  const gone = new Set(isDryRun ? snapshots.map(({ snapshot }) => keyOf(snapshot)) : []);
  const sweep = new Sweep(parts, metadata, { without, gone });
  const freed: BlobInfo[] = [];
  for (let start = 0; start === 0 || start < candidates.length; start += BATCH) {
    assertNotAborted(signal);
    await using _ = await lockFile(parts.layout.sweepLock, "exclusive", { shouldWait: true, signal });
    const garbage = await sweep.judge(candidates.slice(start, start + BATCH));
    for (const blob of garbage) if (isDryRun || (await parts.content.remove(blob.digest))) freed.push(blob);
  }
  if (!isDryRun) await withSpare(parts.layout, () => metadata.write(sweepTables));
  return {
    blobs: amountOf(freed.map(({ size }) => size)),
    snapshots: amountOf(snapshots.map(({ bytes }) => bytes)),
  };
}

/** A number of things, by their sizes in bytes. */
export function amountOf(sizes: readonly number[]): Amount {
  return { count: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** All that the images name. */
function markedBy(records: RecordReader, without: ReadonlySet<string> = new Set()): Set<Digest> {
  const marked = new Set<Digest>();
  for (const [root, record] of records.list("image")) {
    if (!without.has(root)) for (const digest of neededBy(record)) marked.add(digest);
  }
  return marked;
}

async function findCandidates(
  { content }: StoreParts,
  digests: readonly Digest[] | undefined,
): Promise<readonly BlobInfo[]> {
  const found: BlobInfo[] = [];
  if (digests === undefined) for await (const blob of content.list()) found.push(blob);
  else for (const digest of digests) found.push(...[await content.stat(digest)].flatMap((blob) => blob ?? []));
  return found;
}

/** What counts as gone already, in a dry run. */
interface Absent {
  /** Roots of images. */
  readonly without: ReadonlySet<string>;
  /** Snapshots, as `keyOf` tells them apart. */
  readonly gone: ReadonlySet<string>;
}

/** One collection: what is marked is remembered as long as nobody changes the tables. */
class Sweep {
  readonly #parts: StoreParts;
  readonly #metadata: Metadata;
  readonly #absent: Absent;
  #marked: { revision: number; digests: ReadonlySet<Digest> } | undefined;

  constructor(parts: StoreParts, metadata: Metadata, absent: Absent) {
    this.#parts = parts;
    this.#metadata = metadata;
    this.#absent = absent;
  }

  /** What of these may go. The caller holds the sweep lock exclusively. */
  async judge(batch: readonly BlobInfo[]): Promise<readonly BlobInfo[]> {
    const leased = await readLeases(this.#parts.layout);
    const revision = this.#metadata.read((records) => records.revision);
    if (this.#marked?.revision !== revision) {
      await refreshRecords(this.#parts, this.#metadata);
      this.#marked = this.#metadata.read((records) => ({
        revision: records.revision,
        digests: markedBy(records, this.#absent.without),
      }));
    }
    const { digests } = this.#marked;
    const { snapshots, damaged } = await readSnapshots(this.#parts.layout);
    // What a damaged record needs nobody knows. A repair sets it aside.
    if (damaged.length > 0) return [];
    const staying = snapshots.filter((snapshot) => !this.#absent.gone.has(keyOf(snapshot)));
    const unpacked = new Set(staying.flatMap(({ content }) => content));
    return batch.filter(({ digest }) => !digests.has(digest) && !leased.has(digest) && !unpacked.has(digest));
  }
}

/**
 * Documents may have come after the record of an image that names them was made: with another image, or for another
 * platform. Then what they name belongs to this image too. The caller keeps blobs from being freed meanwhile.
 */
async function refreshRecords({ content, place }: StoreParts, metadata: Metadata): Promise<void> {
  const images = metadata.read((records) => records.list("image"));
  const arrived: ImageGraph[] = [];
  for (const [, record] of images) {
    if (!(await hasNewDocument(content, record))) continue;
    // What cannot be read now is for a check to report; it names no more than it did.
    const graph = await readGraph(place, content, rootOf(record)).catch(() => undefined);
    if (graph !== undefined) arrived.push(graph);
  }
  if (arrived.length === 0) return;
  metadata.write((records) => {
    for (const graph of arrived) {
      if (records.get("image", rootOf(graph.record).digest) !== undefined) saveImage(records, graph, []);
    }
  });
}

async function hasNewDocument(content: StoreParts["content"], { parts }: ImageRecord): Promise<boolean> {
  for (const { digest, isHere, mediaType, size } of parts) {
    if (!isHere && mediaType !== undefined && (await content.stat(digest))?.size === size) return true;
  }
  return false;
}
