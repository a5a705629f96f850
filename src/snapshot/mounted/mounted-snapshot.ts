import { join } from "node:path";
import { type FileLock, lockFile } from "../../content/index.ts";
import type { DriverName, SnapshotInfo, SnapshotKey, SnapshotName, Snapshotter } from "../snapshotter.ts";
import { isMountOf } from "./is-mount-of.ts";
import { type MountMark, type MountState, mountAt, stateOfMount } from "./mount-point.ts";

/** Labels of snapshots that are, or were, mounted by {@link mountSnapshot}. */
export const LABEL = {
  /** Where, without links in the path. */
  target: "strata.mount.target",
  /** {@link MountMark} as JSON; absent when whoever mounted died before it was written. */
  mark: "strata.mount.mark",
  /** What is mounted, as the user wrote it. */
  image: "strata.mount.image",
  /** Present on what stays when it is unmounted. */
  kept: "strata.mount.kept",
  /** Present while it is unmounted and removed: whoever wanted that may have died in between. */
  ending: "strata.mount.ending",
} as const;

/** A snapshot that was mounted at a place. */
export interface MountedSnapshot {
  readonly key: SnapshotKey;
  readonly parent: SnapshotName | undefined;
  readonly driver: DriverName;
  /** Without links in its path. */
  readonly target: string;
  /** As the user wrote it; undefined for a snapshot that was mounted by its key. */
  readonly image: string | undefined;
  readonly isWritable: boolean;
  /** Whether it stays when it is unmounted. */
  readonly isKept: boolean;
  /** False when somebody else unmounted it, the machine was restarted, or whoever wanted to mount it died before. */
  readonly isMounted: boolean;
  /** True when something else is mounted over it: it is there, and nobody sees it. */
  readonly isCovered: boolean;
}

/** What a snapshot's labels tell of its mount; undefined when it has none. */
export async function mountedSnapshotOf(
  info: SnapshotInfo,
  snapshotter: Snapshotter,
): Promise<MountedSnapshot | undefined> {
  const target = info.labels[LABEL.target];
  if (target === undefined || info.kind === "committed") return undefined;
  return mountedAs(info, { driver: snapshotter.driver, target, state: await stateNow(snapshotter, info, target) });
}

/** A snapshot whose mount is in a state that is known. */
export function mountedAs(
  { labels, kind, name, parent }: SnapshotInfo,
  { driver, target, state }: { readonly driver: DriverName; readonly target: string; readonly state: MountState },
): MountedSnapshot {
  return {
    key: name as SnapshotKey,
    parent,
    driver,
    target,
    image: labels[LABEL.image],
    isWritable: kind === "active",
    isKept: labels[LABEL.kept] !== undefined,
    isMounted: state !== "gone",
    isCovered: state === "covered",
  };
}

/** All snapshots that were mounted at a place and not unmounted by us, in no order. */
export async function listMounted(snapshotter: Snapshotter): Promise<MountedSnapshot[]> {
  const found: MountedSnapshot[] = [];
  for await (const info of snapshotter.walk()) {
    const mounted = await mountedSnapshotOf(info, snapshotter);
    if (mounted !== undefined) found.push(mounted);
  }
  return found;
}

/** Whoever makes, takes away or judges mounts of these snapshots holds this, so that none is seen half made. */
export async function lockMounts(root: string, signal: AbortSignal | undefined): Promise<FileLock> {
  return await lockFile(join(root, "mounts.lock"), "exclusive", { shouldWait: true, signal });
}

async function stateNow(snapshotter: Snapshotter, { name, labels }: SnapshotInfo, target: string): Promise<MountState> {
  const mark = labels[LABEL.mark];
  if (mark !== undefined) return stateOfMount(target, parseMark(mark));
  // Whoever mounted it died, before the mount or after it.
  const entry = mountAt(target);
  if (entry === undefined) return "gone";
  const mounts = await snapshotter.mounts(name as SnapshotKey).catch(() => []);
  return isMountOf(entry, mounts) ? "mounted" : "gone";
}

/** One that makes no sense is of no mount. */
function parseMark(text: string): MountMark {
  try {
    return JSON.parse(text) as MountMark;
  } catch {
    return { boot: "", namespace: "", mount: "" };
  }
}
