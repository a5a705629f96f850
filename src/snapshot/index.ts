/**
 * snapshot: file systems that build on each other, as containers need them.
 *
 * @module
 */
export type { SnapshotDriver } from "./snapshot-driver.ts";
export type { Snapshotter } from "./snapshotter.ts";
