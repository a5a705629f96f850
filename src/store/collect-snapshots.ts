import { assertNotAborted, StrataError } from "../base/index.ts";
import { lockFile } from "../content/index.ts";
import type { RecordedSnapshot } from "../snapshot/index.ts";
import { chainsOf } from "./image-graph.ts";
import { readLeases } from "./lease.ts";
import type { RecordReader } from "./metadata/records.ts";
import type { StoreParts } from "./store-parts.ts";
import { readSnapshots, sizeOfSnapshot, unwantedSnapshots } from "./stored-snapshots.ts";

/** Snapshots that are removed before others get their turn: each may be a directory of many files. */
const BATCH = 4;

/** How snapshots are collected. */
export interface SnapshotSweep {
  readonly isDryRun: boolean;
  readonly signal: AbortSignal | undefined;
  /** Only these chains may go; all unless given. */
  readonly chains: ReadonlySet<string> | undefined;
  /** Roots of images that count as gone: for a dry run. */
  readonly without: ReadonlySet<string>;
}

/** A snapshot that is gone, or would be, and its bytes. */
export interface CollectedSnapshot {
  readonly snapshot: RecordedSnapshot;
  readonly bytes: number;
}

/**
 * Removes the snapshots of layers that belong to no image any more: from the top down, and none that is mounted, carries
 * something that stays, or has its chainID or its content in a living lease.
 *
 * As with blobs, each batch is judged and removed under the exclusive sweep lock, leases first, then images: whoever
 * relies on a snapshot leases its chainID, then looks whether it is there.
 */
export async function collectSnapshots(parts: StoreParts, sweep: SnapshotSweep): Promise<readonly CollectedSnapshot[]> {
  const collected: CollectedSnapshot[] = [];
  const refused = new Set<string>();
  for (let isDone = false; !isDone; ) {
    assertNotAborted(sweep.signal);
    isDone = await sweepOnce(parts, sweep, { collected, refused });
  }
  return collected;
}

interface Progress {
  readonly collected: CollectedSnapshot[];
  /** Ids of snapshots that are in use after all. */
  readonly refused: Set<string>;
}

/** @returns whether nothing is left to do */
async function sweepOnce(parts: StoreParts, sweep: SnapshotSweep, { collected, refused }: Progress): Promise<boolean> {
  // Most stores have nothing to sweep, and need no lock for it.
  if ((await readSnapshots(parts.layout)).snapshots.length === 0) return true;
  const { signal, isDryRun } = sweep;
  await using _ = await lockFile(parts.layout.sweepLock, "exclusive", { shouldWait: true, signal });
  const unwanted = await judge(parts, sweep, refused);
  const batch = isDryRun ? unwanted : unwanted.slice(0, BATCH);
  for (const snapshot of batch) {
    const bytes = await sizeOfSnapshot(parts.layout, snapshot);
    if (isDryRun || (await remove(parts, snapshot))) collected.push({ snapshot, bytes });
    else refused.add(keyOf(snapshot));
  }
  return isDryRun || unwanted.length === 0;
}

/** What may go. The caller holds the sweep lock exclusively. */
async function judge(
  parts: StoreParts,
  { chains, without }: SnapshotSweep,
  refused: ReadonlySet<string>,
): Promise<readonly RecordedSnapshot[]> {
  const leased: ReadonlySet<string> = await readLeases(parts.layout);
  const metadata = await parts.metadata();
  const wanted = metadata.read((records) => wantedChains(records, without));
  const { snapshots } = await readSnapshots(parts.layout);
  return unwantedSnapshots(snapshots, (snapshot) => {
    const { name, content } = snapshot;
    const isLeased = leased.has(name) || content.some((digest) => leased.has(digest));
    return isLeased || wanted.has(name) || refused.has(keyOf(snapshot)) || chains?.has(name) === false;
  });
}

/** The chains of all images but these. */
export function wantedChains(records: RecordReader, without: ReadonlySet<string>): Set<string> {
  const wanted = new Set<string>();
  for (const [root, record] of records.list("image")) {
    if (without.has(root)) continue;
    for (const { chainId } of record.leaves) if (chainId !== undefined) wanted.add(chainId);
    for (const { chainId } of chainsOf(records, record)) wanted.add(chainId);
  }
  return wanted;
}

/** Tells a snapshot from all others, those of other drivers too. */
export function keyOf({ driver, id }: RecordedSnapshot): string {
  return `${driver} ${id}`;
}

/** False when it is in use, or this user or machine cannot remove it: then it stays, to be tried again another time. */
async function remove(parts: StoreParts, { driver, name }: RecordedSnapshot): Promise<boolean> {
  try {
    const snapshotter = await parts.snapshotter(driver);
    await snapshotter.remove(name);
    return true;
  } catch (error) {
    if (error instanceof StrataError && STAYS.has(error.kind)) return false;
    throw error;
  }
}

const STAYS: ReadonlySet<string> = new Set([
  "failed-precondition",
  "not-found",
  "unsupported",
  "unavailable",
  "integrity",
]);
