import { namesIn } from "../names-in.ts";
import { isRecordFile } from "../record-table.ts";
import { snapshotPlaces } from "../snapshot-places.ts";
import type { Snapshotter } from "../snapshotter.ts";
import { forgetGone } from "./forget-gone.ts";
import { lockMounts } from "./mounted-snapshot.ts";

/** Where snapshots are, and until when to go on. */
export interface LeftoversPlace {
  /** Directory of all snapshotters of the store. */
  readonly root: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Removes what is left of mounts that are gone, and of processes that were killed while they made or removed a snapshot.
 * Where nothing is left that costs two looks into directories.
 * @throws StrataError as `fileError`
 */
export async function freeLeftovers(
  snapshotters: readonly Snapshotter[],
  { root, signal }: LeftoversPlace,
): Promise<void> {
  if (snapshotters.length === 0) return;
  await using _ = await lockMounts(root, signal);
  for (const snapshotter of snapshotters) await freeLocked(snapshotter, root);
}

/** {@link freeLeftovers} for who holds the lock of mounts. */
export async function freeLocked(snapshotter: Snapshotter, root: string): Promise<void> {
  await forgetGone(snapshotter);
  const { records, data } = snapshotPlaces(root, snapshotter.driver);
  // Each snapshot has one of both; what is made just now by others is theirs, which the cleanup sees.
  const [directories, named] = [namesIn(data), namesIn(records).filter(isRecordFile)];
  if (directories.length > named.length) await snapshotter.cleanup();
}
