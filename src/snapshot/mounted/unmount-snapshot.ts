import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { fromText, StrataError } from "../../base/index.ts";
import { unmount } from "../../linux/index.ts";
import type { SnapshotKey, Snapshotter } from "../snapshotter.ts";
import { freeLocked } from "./free-leftovers.ts";
import { LABEL, listMounted, lockMounts, type MountedSnapshot } from "./mounted-snapshot.ts";

/** What is to be unmounted. */
export interface UnmountSnapshotRequest {
  /** Directory of all snapshotters of the store. */
  readonly root: string;
  readonly target: string;
  /** Detach it now, although files in it are open: it goes when they are closed. */
  readonly isLazy?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unmounts what {@link mountSnapshot} mounted at a place, and removes its snapshot unless that is to stay. Of several at
 * one place the one on top goes.
 * @throws StrataError `not-mounted`, `mount-busy`; `mount-covered` where something else is mounted over it
 */
export async function unmountSnapshot(
  snapshotters: readonly Snapshotter[],
  { root, target, isLazy = false, signal }: UnmountSnapshotRequest,
): Promise<MountedSnapshot> {
  const path = realPathOr(target);
  if (snapshotters.length === 0) throw notMounted(path);
  await using _ = await lockMounts(root, signal);
  const { snapshotter, mounted } = await findMounted(snapshotters, path);
  await unmountNoted(snapshotter, mounted, isLazy);
  await letGo(snapshotter, mounted, isLazy);
  for (const each of snapshotters) await freeLocked(each, root);
  return mounted;
}

/** Where it is gone, or may not be looked at, the path as it was given. */
function realPathOr(target: string): string {
  try {
    return realpathSync.native(target);
  } catch {
    return resolve(target);
  }
}

/** So that whoever comes later removes what was written, when this process dies before it does. */
async function unmountNoted(
  snapshotter: Snapshotter,
  { key, target, isKept, isWritable }: MountedSnapshot,
  isLazy: boolean,
): Promise<void> {
  const isNoted = isWritable && !isKept;
  if (isNoted) await snapshotter.update(key, { [LABEL.ending]: "yes" });
  try {
    unmount(fromText(target), { isLazy });
  } catch (error) {
    if (isNoted) await snapshotter.update(key, { [LABEL.ending]: undefined });
    throw error;
  }
}

async function letGo(snapshotter: Snapshotter, { key, isKept }: MountedSnapshot, isLazy: boolean): Promise<void> {
  if (isKept) {
    await snapshotter.update(key, { [LABEL.target]: undefined, [LABEL.mark]: undefined });
    return;
  }
  try {
    await snapshotter.remove(key);
  } catch (error) {
    // A later look removes what is still open somewhere.
    if (!isLazy || !(error instanceof StrataError) || error.code !== "snapshot-in-use") throw error;
  }
}

async function findMounted(
  snapshotters: readonly Snapshotter[],
  path: string,
): Promise<{ snapshotter: Snapshotter; mounted: MountedSnapshot }> {
  let covered: MountedSnapshot | undefined;
  for (const snapshotter of snapshotters) {
    const here = (await listMounted(snapshotter)).filter(({ target, isMounted }) => isMounted && target === path);
    const mounted = here.find(({ isCovered }) => !isCovered);
    if (mounted !== undefined) return { snapshotter, mounted };
    covered ??= here[0];
  }
  throw covered === undefined ? notMounted(path) : mountCovered(covered);
}

function mountCovered({ target, image, key }: MountedSnapshot): StrataError {
  return new StrataError({
    code: "mount-covered",
    kind: "failed-precondition",
    message: `${image ?? key} is mounted at ${target}, but something else is mounted over it`,
    details: { path: target, snapshot: key },
    hint: `umount ${target} first; findmnt lists what is mounted there`,
  });
}

function notMounted(path: string): StrataError {
  return new StrataError({
    code: "not-mounted",
    kind: "not-found",
    message: `Nothing of this store is mounted at ${path}`,
    details: { path },
    hint: "`strata mount` lists what is mounted; umount(8) unmounts what others mounted",
  });
}

/** The one of several snapshotters that has a snapshot of this name. @throws StrataError `snapshot-not-found` */
export async function holderOf(snapshotters: readonly Snapshotter[], name: string): Promise<Snapshotter> {
  for (const snapshotter of snapshotters) if (await has(snapshotter, name)) return snapshotter;
  throw new StrataError({
    code: "snapshot-not-found",
    kind: "not-found",
    message: `There is no snapshot ${name}`,
    details: { snapshot: name },
    hint: "`strata snapshots` lists them",
  });
}

async function has(snapshotter: Snapshotter, name: string): Promise<boolean> {
  try {
    await snapshotter.stat(name as SnapshotKey);
    return true;
  } catch (error) {
    if (error instanceof StrataError && error.code === "snapshot-not-found") return false;
    throw error;
  }
}
