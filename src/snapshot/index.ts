/**
 * snapshot: file systems that build on each other, as containers need them.
 *
 * @module
 */
export {
  type ChooseDriverOptions,
  chooseDriver,
  type DriverChoice,
  type DriverVerdict,
  judgeDrivers,
} from "./choose-driver.ts";
export { type OpenLayerTarOptions, openLayerTar } from "./drivers/overlay/open-layer-tar.ts";
export { mountAll, unmountAll } from "./mount-all.ts";
export {
  assertMayMount,
  canMountHere,
  type DriversHere,
  describeDrivers,
  factsOf,
} from "./mounted/describe-drivers.ts";
export { type MountSnapshotRequest, mountKept, mountSnapshot } from "./mounted/mount-snapshot.ts";
export { listMounted, type MountedSnapshot, mountedSnapshotOf } from "./mounted/mounted-snapshot.ts";
export { DRIVER_NAMES, driverFor, openSnapshotters, snapshotterFor } from "./mounted/open-snapshotters.ts";
export { holderOf, type UnmountSnapshotRequest, unmountSnapshot } from "./mounted/unmount-snapshot.ts";
export { openSnapshotter, type SnapshotterOptions } from "./open-snapshotter.ts";
export { type RecordedSnapshot, readSnapshotContent, type SnapshotContent } from "./read-snapshot-content.ts";
export type {
  CommittedFacts,
  DrivenSnapshot,
  DriverResources,
  NewSnapshot,
  SnapshotDriver,
  StagedStack,
  StageOptions,
} from "./snapshot-driver.ts";
export { snapshotKey, snapshotName } from "./snapshot-name.ts";
export type {
  CleanupReport,
  DriverName,
  Labels,
  LayerStack,
  Mount,
  SnapshotInfo,
  SnapshotKey,
  SnapshotKind,
  SnapshotName,
  SnapshotOptions,
  Snapshotter,
  SnapshotUsage,
  StagedLayer,
} from "./snapshotter.ts";
