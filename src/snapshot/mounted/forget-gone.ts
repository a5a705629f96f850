import { StrataError } from "../../base/index.ts";
import type { SnapshotKey, Snapshotter } from "../snapshotter.ts";
import { LABEL, listMounted } from "./mounted-snapshot.ts";

/**
 * Removes what was mounted only for a while and is not mounted any more, and of what could be written to that which was never
 * mounted, or whose end somebody began. The caller holds the lock of mounts.
 */
export async function forgetGone(snapshotter: Snapshotter): Promise<void> {
  for (const mounted of await listMounted(snapshotter)) {
    if (mounted.isMounted || mounted.isKept) continue;
    if (mounted.isWritable && (await mayBeMissed(snapshotter, mounted.key))) continue;
    await removeUnlessUsed(snapshotter, mounted.key);
  }
}

/** What somebody may have written is not ours to throw away unasked. */
async function mayBeMissed(snapshotter: Snapshotter, key: SnapshotKey): Promise<boolean> {
  const { labels } = await snapshotter.stat(key);
  return labels[LABEL.mark] !== undefined && labels[LABEL.ending] === undefined;
}

/** Somebody may have bound it elsewhere: then it stays until a later look. */
async function removeUnlessUsed(snapshotter: Snapshotter, key: SnapshotKey): Promise<void> {
  try {
    await snapshotter.remove(key);
  } catch (error) {
    if (error instanceof StrataError && ["snapshot-in-use", "snapshot-not-found"].includes(error.code)) return;
    throw error;
  }
}
