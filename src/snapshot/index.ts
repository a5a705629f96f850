/**
 * snapshot: file systems that build on each other, as containers need them.
 *
 * @module
 */
export { type RecordedSnapshot, readSnapshotContent, type SnapshotContent } from "./read-snapshot-content.ts";
export type { SnapshotDriver } from "./snapshot-driver.ts";
export type { Snapshotter } from "./snapshotter.ts";
