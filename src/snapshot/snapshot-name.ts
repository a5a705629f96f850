import { invalidSnapshotName } from "./snapshot-errors.ts";
import type { SnapshotKey, SnapshotName } from "./snapshotter.ts";

/** The text as key of an active snapshot or a view. @throws StrataError `invalid-snapshot-name` */
export function snapshotKey(text: string): SnapshotKey {
  assertName(text);
  return text as SnapshotKey;
}

/** The text as name of a committed snapshot. @throws StrataError `invalid-snapshot-name` */
export function snapshotName(text: string): SnapshotName {
  assertName(text);
  return text as SnapshotName;
}

/** Types are not looked at when a program runs. @throws StrataError `invalid-snapshot-name` */
export function assertName(text: string): void {
  if (typeof text !== "string" || text === "" || text.includes("\0")) throw invalidSnapshotName(text);
}
