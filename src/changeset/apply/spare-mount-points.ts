import { type ByteString, StrataError, toText } from "../../base/index.ts";
import type { SkippedPart, TreeChanges } from "../../directory/index.ts";

/** Changes that leave alone what is mounted inside of the directory. */
export interface SparedChanges {
  readonly changes: TreeChanges;
  /** Directories whose attributes stay, because those of the mounted file system would change instead. */
  readonly skipped: readonly SkippedPart[];
}

/**
 * Keeps changes off mount points, whose files belong to others: new attributes for the directory itself are left out.
 * @throws StrataError `in-the-way` when something would have to be made in one, or one would have to go
 */
export function spareMountPoints(changes: TreeChanges, mountPoints: readonly ByteString[]): SparedChanges {
  for (const mountPoint of mountPoints) assertUntouched(changes, mountPoint);
  const isMountPoint = new Set(mountPoints);
  const directories = changes.directories.filter(({ path }) => !isMountPoint.has(path));
  const skipped = changes.directories
    .filter(({ path, state }) => isMountPoint.has(path) && state !== "kept")
    .map(({ path }) => ({ what: "mount-point" as const, path, name: "", reason: "EBUSY", count: 1 }));
  return { changes: { ...changes, directories }, skipped };
}

function assertUntouched({ removals, directories, files }: TreeChanges, mountPoint: ByteString): void {
  const inside = `${mountPoint}/`;
  for (const { path } of removals) {
    if (path === mountPoint || inside.startsWith(`${path}/`)) throw inTheWay(path, mountPoint);
  }
  for (const { path } of directories) if (path.startsWith(inside)) throw inTheWay(path, mountPoint);
  for (const { added } of files) {
    for (const path of added) if (path.startsWith(inside)) throw inTheWay(path, mountPoint);
  }
}

function inTheWay(path: ByteString, mountPoint: ByteString): StrataError {
  return new StrataError({
    code: "in-the-way",
    kind: "already-exists",
    message: `Cannot change ${toText(path)}: another file system is mounted at ${toText(mountPoint)}`,
    details: { path: toText(path), mountPoint: toText(mountPoint) },
    hint: "Unmount it first",
  });
}
