import { now } from "../base/index.ts";
import { syncDirectory } from "../content/index.ts";
import { type HeldParent, type HeldPlace, holdNewPlace, holdParent, type SnapshotHouse } from "./held-snapshots.ts";
import { snapshotExists } from "./snapshot-errors.ts";
import { assertName } from "./snapshot-name.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";
import type { Mount, SnapshotKey, SnapshotName, ViewOptions } from "./snapshotter.ts";

/** A snapshot to begin. */
export interface NewActive extends ViewOptions {
  readonly key: SnapshotKey;
  readonly kind: "active" | "view";
  readonly parent: SnapshotName | undefined;
}

/** See `Snapshotter.prepare` and `view`. */
export async function beginSnapshot(house: SnapshotHouse, asked: NewActive): Promise<readonly Mount[]> {
  assertName(asked.key);
  if (house.records.read(asked.key) !== undefined) throw snapshotExists(asked.key);
  await using parent = await holdParent(house, asked.parent);
  await using held = await holdNewPlace(house);
  return await fill(house, asked, { parent, held });
}

async function fill(
  house: SnapshotHouse,
  { key, kind, parent, labels = {}, isTransient }: NewActive,
  { held, parent: { parents } }: { readonly held: HeldPlace; readonly parent: HeldParent },
): Promise<readonly Mount[]> {
  const time = now();
  const info = { name: key, kind, parent, labels, createdAt: time, updatedAt: time, content: [] };
  const record: SnapshotRecord = { id: held.place.id, info, isTransient };
  const snapshot = { ...held.place, info };
  await house.driver.create(snapshot, parents);
  if (isTransient !== true) {
    await syncDirectory(snapshot.directory);
    await syncDirectory(house.places.data);
  }
  await addRecord(house, record);
  try {
    const mounts = await house.driver.mounts(snapshot, parents);
    held.keep();
    return mounts;
  } catch (error) {
    await house.records.change((change) => change.remove(record));
    throw error;
  }
}

/** Makes it a snapshot, from one moment to the next. @throws StrataError `snapshot-exists` */
export async function addRecord({ records }: SnapshotHouse, record: SnapshotRecord): Promise<void> {
  await records.change(async (change) => {
    if (change.read(record.info.name) !== undefined) throw snapshotExists(record.info.name);
    await change.write(record);
  });
}
