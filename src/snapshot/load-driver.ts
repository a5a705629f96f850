import { StrataError } from "../base/index.ts";
import type { DriverResources, SnapshotDriver } from "./snapshot-driver.ts";
import { DRIVER_NAMES, type DriverName } from "./snapshotter.ts";

type Maker = (resources: DriverResources) => SnapshotDriver;

/** A driver's module is loaded when the driver is asked for. */
const MAKERS: Readonly<Record<DriverName, () => Promise<Maker>>> = {
  erofs: async () => (await import("./drivers/erofs/erofs-driver.ts")).createErofsDriver,
  overlay: async () => (await import("./drivers/overlay/overlay-driver.ts")).createOverlayDriver,
  btrfs: async () => (await import("./drivers/btrfs/btrfs-driver.ts")).createBtrfsDriver,
  vfs: async () => (await import("./drivers/vfs/vfs-driver.ts")).createVfsDriver,
};

/** @throws StrataError `unknown-snapshot-driver`; what the driver throws where it cannot work */
export async function loadDriver(name: DriverName, resources: DriverResources): Promise<SnapshotDriver> {
  if (!Object.hasOwn(MAKERS, name)) throw unknownDriver(name);
  return (await MAKERS[name]())(resources);
}

function unknownDriver(name: string): StrataError {
  return new StrataError({
    code: "unknown-snapshot-driver",
    kind: "invalid-argument",
    message: `There is no snapshot driver "${name}"`,
    hint: `Drivers are ${DRIVER_NAMES.join(", ")}`,
  });
}
