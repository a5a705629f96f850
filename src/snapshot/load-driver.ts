import { StrataError } from "../base/index.ts";
import type { ContentStore, IndexCache } from "../content/index.ts";
import type { SnapshotDriver } from "./snapshot-driver.ts";
import type { DriverName } from "./snapshotter.ts";

/** What every driver is made of. */
export interface DriverResources {
  /** The driver's own: names that the snapshotter does not use are free. */
  readonly root: string;
  readonly content: ContentStore;
  readonly indexCache: IndexCache;
}

type Maker = (resources: DriverResources) => SnapshotDriver;

/** A driver's module is loaded when the driver is asked for. */
const MAKERS: Readonly<Partial<Record<DriverName, () => Promise<Maker>>>> = {
  vfs: async () => (await import("./drivers/vfs/vfs-driver.ts")).createVfsDriver,
};

/** @throws StrataError `unknown-snapshot-driver` */
export async function loadDriver(name: DriverName, resources: DriverResources): Promise<SnapshotDriver> {
  const load = MAKERS[name];
  if (load === undefined) {
    throw new StrataError({
      code: "unknown-snapshot-driver",
      kind: "invalid-argument",
      message: `There is no snapshot driver "${name}"`,
      hint: `Drivers are ${Object.keys(MAKERS).join(", ")}`,
    });
  }
  return (await load())(resources);
}
