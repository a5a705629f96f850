import { randomName, StrataError } from "../../base/index.ts";
import { mountAll, unmountLast } from "../mount-all.ts";
import type { Mount, SnapshotKey, SnapshotName, Snapshotter } from "../snapshotter.ts";
import { freeLocked } from "./free-leftovers.ts";
import { mountAt, mountMark, resolveMountPoint } from "./mount-point.ts";
import { LABEL, lockMounts, type MountedSnapshot, mountedAs, mountedSnapshotOf } from "./mounted-snapshot.ts";

/** What is to be mounted, and where. */
export interface MountSnapshotRequest {
  /** Directory of all snapshotters of the store. */
  readonly root: string;
  /** An existing directory; what is in it is hidden meanwhile. */
  readonly target: string;
  /** The committed snapshot to show; undefined is an empty tree. */
  readonly parent: SnapshotName | undefined;
  /** What that is, for people. */
  readonly image: string | undefined;
  /** A new snapshot that takes all changes; otherwise a view. */
  readonly isWritable: boolean;
  /** Names the new snapshot, which then stays when it is unmounted. */
  readonly key?: SnapshotKey | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Begins a snapshot and mounts it at a place; the mount survives the process. Takes away first what is left of mounts
 * that are gone. When the mount fails nothing stays.
 * @throws StrataError `mount-point-missing`, `not-a-directory`, `snapshot-exists`, `snapshot-not-found`; of mounting
 */
export async function mountSnapshot(snapshotter: Snapshotter, request: MountSnapshotRequest): Promise<MountedSnapshot> {
  const target = resolveMountPoint(request.target);
  await using _ = await lockMounts(request.root, request.signal);
  await freeLocked(snapshotter, request.root);
  const { parent, image, isWritable } = request;
  const key = request.key ?? (`mount-${randomName()}` as SnapshotKey);
  const labels = {
    [LABEL.target]: target,
    ...(image === undefined ? {} : { [LABEL.image]: image }),
    ...(request.key === undefined ? {} : { [LABEL.kept]: "yes" }),
  };
  const mounts = isWritable
    ? await snapshotter.prepare(key, parent, { labels })
    : await snapshotter.view(key, parent, { labels, isTransient: request.key === undefined });
  return await mountOrRemove(snapshotter, { key, mounts, target });
}

/**
 * Mounts a snapshot that is there, an active one or a view; it stays when it is unmounted.
 * @throws StrataError `snapshot-not-found`, `snapshot-not-active`, `snapshot-in-use` while it is mounted; as {@link mountSnapshot}
 */
export async function mountKept(
  snapshotter: Snapshotter,
  key: SnapshotKey,
  { root, target: text, signal }: Pick<MountSnapshotRequest, "root" | "target" | "signal">,
): Promise<MountedSnapshot> {
  const target = resolveMountPoint(text);
  await using _ = await lockMounts(root, signal);
  const known = await mountedSnapshotOf(await snapshotter.stat(key), snapshotter);
  if (known?.isMounted === true) throw alreadyMounted(known);
  const mounts = await snapshotter.mounts(key);
  await snapshotter.update(key, { [LABEL.target]: target, [LABEL.kept]: "yes", [LABEL.mark]: undefined });
  return await mountAndMark(snapshotter, { key, mounts, target });
}

interface Prepared {
  readonly key: SnapshotKey;
  readonly mounts: readonly Mount[];
  readonly target: string;
}

async function mountOrRemove(snapshotter: Snapshotter, prepared: Prepared): Promise<MountedSnapshot> {
  try {
    return await mountAndMark(snapshotter, prepared);
  } catch (error) {
    await snapshotter.remove(prepared.key).catch(() => {});
    throw error;
  }
}

async function mountAndMark(snapshotter: Snapshotter, { key, mounts, target }: Prepared): Promise<MountedSnapshot> {
  await mountAll(mounts, target);
  try {
    const entry = mountAt(target);
    const mark = entry === undefined ? undefined : JSON.stringify(mountMark(entry));
    const info = await snapshotter.update(key, { [LABEL.mark]: mark });
    return mountedAs(info, { driver: snapshotter.driver, target, state: "mounted" });
  } catch (error) {
    // What somebody else had mounted there before stays.
    unmountLast(target, mounts.length);
    throw error;
  }
}

function alreadyMounted({ key, target }: MountedSnapshot): StrataError {
  return new StrataError({
    code: "snapshot-in-use",
    kind: "failed-precondition",
    message: `The snapshot ${key} is mounted at ${target}`,
    details: { snapshot: key, path: target },
    hint: `strata umount ${target}`,
  });
}
