/**
 * snapshot: file systems that build on each other, as containers need them.
 *
 * A {@link Snapshotter} has containerd's life cycle and words. A *key* names an active snapshot or a view, a *name* a committed
 * one: for the layers of an image their chainID.
 *
 *     prepare(key, parent) → mount, write, unmount → commit(name, key) → view or prepare on top → remove
 *     stage(stack, layer) → commit(chainID, parent)        for the layers of images: no mount, several at once
 *
 * Behind the port stands one keeper of names, records, locks and their order, and a {@link SnapshotDriver}, which keeps files:
 * `erofs` (an index over the layers' tars), `overlay` (a directory for each layer), `btrfs` (subvolumes), `vfs` (whole copies).
 * {@link chooseDriver} tries which of them work here. {@link mountAll} mounts what a snapshotter gives; {@link mountSnapshot}
 * and {@link unmountSnapshot} remember where, over processes and restarts.
 *
 * On disk, below a root, for each driver: `records/` has one JSON file for each snapshot, and a snapshot exists exactly when
 * its record does; `data/<id>/` is the driver's; `locks/<id>` is held by whoever works on it. A directory in `data` that no
 * record names and nobody holds is left from a process that died: {@link Snapshotter.cleanup} removes it.
 *
 * @example
 * await using snapshots = await openSnapshotter({ root, driver: "overlay", content, indexCache });
 * const mounts = await snapshots.prepare(snapshotKey("build"), snapshotName(chainId));
 * await mountAll(mounts, "/mnt");
 * // … write below /mnt …
 * await unmountAll("/mnt");
 * await snapshots.commit(snapshotName("built"), snapshotKey("build"));
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
export {
  type ComparedSnapshot,
  compareWithLayers,
  type ExpectedLayer,
  type SnapshotDifference,
} from "./compared/compare-with-layers.ts";
export { findDamagedImages } from "./drivers/erofs/merged-image.ts";
export { type OpenLayerTarOptions, openLayerTar } from "./drivers/overlay/open-layer-tar.ts";
export { mountAll, unmountAll } from "./mount-all.ts";
export { type DriversHere, describeDrivers, factsOf } from "./mounted/describe-drivers.ts";
export { freeLeftovers, type LeftoversPlace } from "./mounted/free-leftovers.ts";
export { assertMayMount, canMountHere } from "./mounted/may-mount.ts";
export { type MountSnapshotRequest, mountKept, mountSnapshot } from "./mounted/mount-snapshot.ts";
export { listMounted, type MountedSnapshot, mountedSnapshotOf } from "./mounted/mounted-snapshot.ts";
export { driverFor, openSnapshotters, snapshotterFor } from "./mounted/open-snapshotters.ts";
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
export {
  type CleanupReport,
  DRIVER_NAMES,
  type DriverName,
  type Labels,
  type LayerStack,
  type Mount,
  type SnapshotInfo,
  type SnapshotKey,
  type SnapshotKind,
  type SnapshotName,
  type SnapshotOptions,
  type Snapshotter,
  type SnapshotUsage,
  type StagedLayer,
  type ViewOptions,
} from "./snapshotter.ts";
